// A process that takes each folder it is told at a moment it is told, and keeps it until it is told of the next.
import { lock } from "../../dist/evaluate/state/lock.node.js";

process.setMaxListeners(0);
let own;
const take = async ({ folder, at }) => {
  own?.release();
  while (performance.timeOrigin + performance.now() < at);
  own = undefined;
  try {
    own = await lock(folder);
    process.send("held");
  } catch ({ code }) {
    process.send(code);
  }
};
process.on("message", (told) => void take(told));
