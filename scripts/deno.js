// Deno, for the test that imports the packed package there. It is 95 MB, and kept out of the project.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

const VERSION = "2.9.6";

/** The path of Deno: DENO_PATH, or the one in the user's cache, which is installed there if need be; undefined where that fails. */
export function installDeno() {
  if (process.env.DENO_PATH) return process.env.DENO_PATH;
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "perturb", `deno-${VERSION}`);
  if (!existsSync(join(cache, "node_modules", "deno"))) {
    process.stderr.write("Installing Deno, for the tests…\n");
    const [npm, before] = process.platform === "win32" ? ["cmd", ["/c", "npm"]] : ["npm", []];
    const args = ["install", "--prefix", cache, "--ignore-scripts", "--no-audit", "--no-fund", `deno@${VERSION}`];
    spawnSync(npm, [...before, ...args], { stdio: "ignore", timeout: 300_000 });
  }
  try {
    // The npm package brings the program of each platform as a package of its own, and would link to it in a script.
    const find = createRequire(join(cache, "node_modules", "deno", "package.json"));
    const { optionalDependencies } = find("./package.json");
    const program = process.platform === "win32" ? "deno.exe" : "deno";
    for (const name of Object.keys(optionalDependencies)) {
      const path = join(cache, "node_modules", name, program);
      if (existsSync(path)) return path;
    }
  } catch {
    // Not installed: the test says so.
  }
  return undefined;
}
