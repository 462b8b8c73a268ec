import { expect, it } from "vitest";
import { type ServeOptions, serve } from "./serve.node.ts";

const { signal } = new AbortController();
const say = (): void => undefined;

it.each([
  [undefined, /The options of serve must be an object/],
  [{ say }, /The signal of serve must be the signal of an AbortController/],
  [{ signal }, /The say of serve must be a function/],
  [{ signal, say, threads: 0 }, /threads.* must be a whole number from 1 up; got 0/],
  [{ signal, say, thread: 2 }, /serve has no option "thread"/],
])("serve refuses the options %o before it looks for a queue", async (options, message) => {
  await expect(serve("redis://localhost:1", options as ServeOptions)).rejects.toThrow(message);
});
