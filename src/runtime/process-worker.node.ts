import { nodeRuntime } from "./ort.node.ts";
import { answering, type RemoteRequest } from "./remote.ts";

/** The other end of `processRuntime`. It ends with whoever started it. */
const heard = answering(nodeRuntime("cpu", 1), (answer) => process.send!(answer));
process.on("message", (request: RemoteRequest) => heard(request));
process.on("disconnect", () => process.exit());
// Ctrl-C reaches every process of a terminal: whoever started this one decides.
process.on("SIGINT", () => undefined);
