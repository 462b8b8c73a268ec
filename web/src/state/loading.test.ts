import { expect, it, vi } from "vitest";
import { filling, loadingSignal } from "./loading.ts";

/** Work that ends when it is told to. */
function manual() {
  const begun = new Map<string, (value: string) => void>();
  const into = loadingSignal<string>();
  const fill = filling(into, (request: string) => new Promise<string>((resolve) => begun.set(request, resolve)));
  return { into, fill, begun: () => [...begun.keys()], end: async (name: string) => begun.get(name)!(name) };
}

it("lets young work finish, and then does the newest only", async () => {
  const { into, fill, begun, end } = manual();
  for (const name of ["a", "b", "c"]) fill(name);
  expect(begun()).toEqual(["a"]);
  await end("a");
  await vi.waitFor(() => expect(begun()).toEqual(["a", "c"]));
  expect(into.value).toEqual({ kind: "loading", before: "a" });
  await end("c");
  await vi.waitFor(() => expect(into.value).toEqual({ kind: "ready", value: "c" }));
});

it("gives up old work, whose end neither shows nor hurries what came after it", async () => {
  vi.useFakeTimers({ toFake: ["performance", "setTimeout"] });
  try {
    const { into, fill, begun, end } = manual();
    fill("old");
    vi.advanceTimersByTime(1000);
    fill("young");
    fill("newest");
    await end("old");
    await vi.advanceTimersByTimeAsync(0);
    expect(begun()).toEqual(["old", "young"]);
    expect(into.value).toEqual({ kind: "loading", before: undefined });
    await end("young");
    await vi.advanceTimersByTimeAsync(0);
    expect(begun()).toEqual(["old", "young", "newest"]);
  } finally {
    vi.useRealTimers();
  }
});
