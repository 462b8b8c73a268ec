import { effect } from "@preact/signals";
import { decodeSetting, encodeSetting } from "./link.ts";
import { setting } from "./setting.ts";

/** Milliseconds of rest before the address is written: browsers count. */
const REST = 300;

/** The address of the page as it stands. */
export function linkOf(): string {
  const text = encodeSetting(setting.peek());
  return `${location.href.replace(/#.*$/, "")}${text === "" ? "" : `#${text}`}`;
}

/** Takes the setting from the address, and keeps it there: the address is always the link. */
export function followAddress(): void {
  setting.value = decodeSetting(location.hash);
  addEventListener("hashchange", () => {
    // Our own writing gives no event.
    setting.value = decodeSetting(location.hash);
  });
  let rest: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    void setting.value;
    clearTimeout(rest);
    rest = setTimeout(() => history.replaceState(null, "", linkOf()), REST);
  });
}
