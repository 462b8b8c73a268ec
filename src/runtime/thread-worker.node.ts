import { parentPort } from "node:worker_threads";
import { messageOf, PerturbError } from "../errors.ts";
import type { Program } from "../runtime.ts";
import { nodeRuntime } from "./ort.node.ts";
import type { LoadedProgram, ThreadAnswer, ThreadRequest } from "./thread.node.ts";

/** The other end of `threadRuntime`: answers requests one after another. */
const runtime = nodeRuntime("cpu", 1);
const programs: Program[] = [];

parentPort!.on("message", (request: ThreadRequest | "close") => {
  if (request === "close") process.exit();
  const { id } = request;
  const answer = (result: ThreadAnswer) => parentPort!.postMessage(result);
  const failed = (error: unknown) => {
    const { code, message, data } =
      error instanceof PerturbError ? error : new PerturbError("internal", messageOf(error));
    answer({ id, error: { code, message, data } });
  };
  perform(request).then((result) => answer({ id, result }), failed);
});

async function perform(request: ThreadRequest): Promise<unknown> {
  if (request.do === "run") return programs[request.program]!.run(request.feeds, request.fetches);
  if (request.do === "release") return programs[request.program]!.release();
  const loaded = await runtime.load(request.model, request.folder);
  const { inputs, outputs } = loaded;
  return { program: programs.push(loaded) - 1, inputs, outputs } satisfies LoadedProgram;
}
