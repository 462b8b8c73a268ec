import { type Remote, wrap } from "comlink";
import { PerturbError } from "../../src/errors.ts";

/** The methods of a worker. Where its script cannot be loaded, every call fails: comlink alone would wait for ever. */
export function remote<T extends object>(worker: Worker): Remote<T> {
  const waiting = new Set<(reason: PerturbError) => void>();
  let missing: PerturbError | undefined;
  worker.addEventListener("error", (event) => {
    // What is thrown inside a worker that runs is an ErrorEvent, and says nothing of its other answers.
    if (event instanceof ErrorEvent) return;
    missing = new PerturbError("not-found", "A script of the page cannot be loaded. Reload the page.");
    for (const reject of waiting) reject(missing);
    waiting.clear();
  });
  const methods = wrap<T>(worker) as unknown as Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>;
  const call = async (name: string, args: unknown[]): Promise<unknown> => {
    if (missing) throw missing;
    let fail: ((reason: PerturbError) => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        fail = reject;
        waiting.add(fail);
        methods[name]!(...args).then(resolve, reject);
      });
    } finally {
      waiting.delete(fail!);
    }
  };
  const handler: ProxyHandler<object> = {
    get:
      (_, name) =>
      (...args: unknown[]) =>
        call(String(name), args),
  };
  return new Proxy({}, handler) as Remote<T>;
}
