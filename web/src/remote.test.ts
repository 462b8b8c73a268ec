import { afterEach, expect, it, vi } from "vitest";
import { remote } from "./remote.ts";

/** A worker that never answers. */
class Silent extends EventTarget {
  readonly sent: unknown[] = [];
  postMessage(message: unknown): void {
    this.sent.push(message);
  }
}

interface Echo {
  say(text: string): Promise<string>;
}

afterEach(() => vi.unstubAllGlobals());

it("fails the calls of a worker that cannot be loaded, those before it was known and those after", async () => {
  vi.stubGlobal("ErrorEvent", class extends Event {});
  const worker = new Silent();
  const echo = remote<Echo>(worker as unknown as Worker);
  const before = echo.say("before");
  worker.dispatchEvent(new Event("error"));
  const missing = expect.objectContaining({ code: "not-found", message: expect.stringContaining("Reload the page") });
  await expect(before).rejects.toEqual(missing);
  await expect(echo.say("after")).rejects.toEqual(missing);
  expect(worker.sent).toHaveLength(1);
});

it("goes on after an error inside the worker", async () => {
  class Thrown extends Event {}
  vi.stubGlobal("ErrorEvent", Thrown);
  const worker = new Silent();
  const echo = remote<Echo>(worker as unknown as Worker);
  let settled = false;
  void echo.say("one").finally(() => {
    settled = true;
  });
  worker.dispatchEvent(new Thrown("error"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(settled).toBe(false);
});
