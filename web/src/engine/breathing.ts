import type { Runtime } from "../../../src/runtime.ts";

/** Milliseconds of work between two breaths. */
const PACE = 12;

/** Lets the messages that wait for this thread in: a promise alone would not. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/**
 * A runtime whose long chains of short graphs can be interrupted: WebAssembly answers within one turn. One call at a
 * time is inside ONNX Runtime: its WebGPU build is suspended while the card works, and a second call would hang.
 */
export function breathing(runtime: Runtime): Runtime {
  let last = performance.now();
  let before: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(call: () => Promise<T>): Promise<T> => {
    const mine = before.then(call, call);
    before = mine;
    // Who made the call meets its failure.
    mine.catch(() => undefined);
    return mine;
  };
  return {
    ...runtime,
    async load(model, folder) {
      const program = await inTurn(() => runtime.load(model, folder));
      return {
        ...program,
        async run(feeds, fetches) {
          const results = await inTurn(() => program.run(feeds, fetches));
          if (performance.now() - last > PACE) {
            await breathe();
            last = performance.now();
          }
          return results;
        },
        release: () => inTurn(() => program.release()),
      };
    },
  };
}
