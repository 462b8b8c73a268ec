import { parentPort } from "node:worker_threads";
import { nodeRuntime } from "./ort.node.ts";
import { answering, type RemoteRequest } from "./remote.ts";

/** The other end of `threadRuntime`. */
const heard = answering(nodeRuntime("cpu", 1), (answer) => parentPort!.postMessage(answer));
parentPort!.on("message", (request: RemoteRequest | "close") => {
  if (request === "close") process.exit();
  heard(request);
});
