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

/** A runtime whose long chains of short graphs can be interrupted: WebAssembly answers in the same breath. */
export function breathing(runtime: Runtime): Runtime {
  let last = performance.now();
  return {
    ...runtime,
    async load(model, folder) {
      const program = await runtime.load(model, folder);
      return {
        ...program,
        async run(feeds, fetches) {
          const results = await program.run(feeds, fetches);
          if (performance.now() - last > PACE) {
            await breathe();
            last = performance.now();
          }
          return results;
        },
      };
    },
  };
}
