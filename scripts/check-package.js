// Packs the package as npm would publish it, and checks what a user would get: entry points, types, files. Says nothing
// when all is well.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "perturb-package-"));

/** Runs a command; prints what it said and ends this process when it fails. */
function run(title, command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (error) throw error;
  if (status === 0) return stdout;
  process.stderr.write(`${stdout}${stderr}\n${title} found problems in the package.\n`);
  process.exit(1);
}

const tool = (...parts) => join(root, "node_modules", ...parts);

process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
// On Windows npm is a script, and only a shell runs scripts.
const [npm, before] = process.platform === "win32" ? ["cmd", ["/c", "npm"]] : ["npm", []];
run("npm pack", npm, [...before, "pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
const tarball = join(folder, readdirSync(folder)[0]);
run("publint", process.execPath, [tool("publint", "src", "cli.js"), "run", tarball, "--strict"]);
run("attw", process.execPath, [
  tool("@arethetypeswrong", "cli", "dist", "index.js"),
  tarball,
  "--profile",
  "esm-only",
  "--format",
  "ascii",
  "--no-emoji",
]);
