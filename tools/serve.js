import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PERTURB = fileURLToPath(new URL("../bin/perturb.js", import.meta.url));

/** Serves the playground that is built: its address, and how it ends. */
export function servePlayground() {
  const server = spawn(process.execPath, [PERTURB, "playground", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((resolve, reject) => {
    server.stdout.once("data", (address) => resolve({ url: String(address).trim(), close: () => server.kill() }));
    server.once("exit", () => reject(new Error("The playground cannot be served: npm run build:playground makes it.")));
  });
}
