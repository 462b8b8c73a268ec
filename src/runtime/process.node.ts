import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PerturbError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { type RemoteAnswer, remote } from "./remote.ts";

export interface ProcessRuntime extends Runtime {
  /** Ends the process; whatever still runs in it is lost. */
  close(): Promise<void>;
}

/**
 * ONNX Runtime on the CPU in a process of its own, on one core: native code that ends the process over a graph ends only
 * that one. Its programs then throw runtime, with `ended` among the error's data: the signal, or the exit code.
 */
export function processRuntime(): ProcessRuntime {
  const child: ChildProcess = fork(fileURLToPath(new URL("./process-worker.node.js", import.meta.url)), {
    serialization: "advanced",
    // What native code says of its end is not said twice.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    execArgv: [],
  });
  const keepAlive = (isAsked: boolean): void => {
    for (const handle of [child, child.channel]) handle?.[isAsked ? "ref" : "unref"]();
  };
  // One without work keeps no process alive.
  keepAlive(false);
  let asked = 0;
  const { load, heard, fail } = remote((request) => {
    if (asked++ === 0) keepAlive(true);
    // Where it cannot be sent, the process has ended, and says so itself.
    child.send(request, () => undefined);
  });
  child.on("message", (answer: RemoteAnswer) => {
    if (--asked === 0) keepAlive(false);
    heard(answer);
  });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  child.on("error", (cause) => fail(notStarted(cause)));
  // What JavaScript throws ends it with 1: its script was not found, say.
  child.on("close", (code, signal) =>
    fail(code === 1 ? notStarted(new Error("its script failed")) : endedBy(signal ?? `exit ${code}`)),
  );
  return {
    name: "onnxruntime-node, in a process",
    device: "cpu",
    load,
    async close() {
      child.ref();
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const notStarted = (cause: Error): PerturbError =>
  new PerturbError(
    "not-found",
    `No process can be started to try a file in: ${cause.message}. Free some memory; whoever trusts the file can leave the trial out.`,
    { cause },
  );

const endedBy = (ended: string): PerturbError =>
  new PerturbError("runtime", `ONNX Runtime ended its process (${ended}).`, { data: { ended } });

/** Does work with a process of its own, which ends with it. The first one is started at once, so that it is ready then. */
export function processTrial(): <T>(work: (runtime: Runtime) => Promise<T>) => Promise<T> {
  let ready: ProcessRuntime | undefined = processRuntime();
  return async (work) => {
    const runtime = ready ?? processRuntime();
    ready = undefined;
    try {
      return await work(runtime);
    } finally {
      await runtime.close();
    }
  };
}
