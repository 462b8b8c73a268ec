import { availableParallelism } from "node:os";
import type { Runtime } from "../runtime.ts";

interface ClosableRuntime extends Runtime {
  close(): Promise<void>;
}

/** One part of a batch here, with the update, and the other in a thread, where there are two cores. */
export async function startRuntimes(): Promise<readonly [ClosableRuntime, ...ClosableRuntime[]]> {
  const [{ nodeRuntime }, { threadRuntime }] = await Promise.all([
    import("../runtime/ort.node.ts"),
    import("../runtime/thread.node.ts"),
  ]);
  const here: ClosableRuntime = { ...nodeRuntime("cpu", 1), close: async () => undefined };
  return availableParallelism() > 1 ? [here, threadRuntime()] : [here];
}
