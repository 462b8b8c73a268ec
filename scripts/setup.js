// Installs and builds what is missing or out of date, then starts the program, the checks or the benchmarks.
// Node's own modules only: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Runs a command with its output on this terminal; ends this process when it fails. */
function run(title, command, args, { quiet = false } = {}) {
  const began = Date.now();
  // What set-up prints is no result: it goes to stderr.
  const stdio = quiet ? ["ignore", 2, 2] : "inherit";
  const { status, error, signal } = spawnSync(command, args, {
    cwd: root,
    stdio,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (error) throw error;
  if (status !== 0) {
    process.stderr.write(`\n${title} failed (${signal ?? `exit ${status}`}).\n`);
    process.exit(status ?? 1);
  }
  if (!quiet) process.stderr.write(`${title}: ok, ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}

const node = (title, script, args = [], options = {}) =>
  run(title, process.execPath, [at(...script.split("/")), ...args], options);

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(
    `perturb needs Node 20.19 or newer; this is ${process.versions.node}. Install it from nodejs.org.\n`,
  );
  process.exit(2);
}

/** `npm ci` when node_modules is missing or older than the lock. */
function install() {
  const stamp = at("node_modules", ".package-lock.json");
  if (modified(stamp) >= modified(at("package-lock.json"))) return;
  process.stderr.write("Installing packages (once)…\n");
  // On Windows npm is a script, and only a shell runs scripts.
  const [command, args] = process.platform === "win32" ? ["cmd", ["/c", "npm"]] : ["npm", []];
  run("npm ci", command, [...args, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], { quiet: true });
  const now = new Date();
  utimesSync(stamp, now, now);
}

/** Newest change below a folder. */
function newest(folder) {
  return readdirSync(folder, { withFileTypes: true }).reduce((latest, entry) => {
    const path = join(folder, entry.name);
    return Math.max(latest, entry.isDirectory() ? newest(path) : modified(path));
  }, modified(folder));
}

/** Compiles src to dist when anything in it is newer. A build that fails or is interrupted leaves dist as it was. */
function build() {
  const stamp = at("dist", ".built");
  const sources = Math.max(
    newest(at("src")),
    modified(at("tsconfig.json")),
    modified(at("tsconfig.build.json")),
    modified(at("package-lock.json")),
  );
  if (modified(stamp) >= sources) return;
  process.stderr.write("Building…\n");
  const [fresh, old] = [at(`dist.${process.pid}.new`), at(`dist.${process.pid}.old`)];
  try {
    node("Build", "node_modules/@typescript/native/bin/tsc", ["-p", "tsconfig.build.json", "--outDir", fresh], {
      quiet: true,
    });
    writeFileSync(join(fresh, ".built"), "");
    if (existsSync(at("dist"))) renameSync(at("dist"), old);
    try {
      renameSync(fresh, at("dist"));
    } catch {
      cpSync(fresh, at("dist"), { recursive: true });
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
  }
}

const tasks = {
  /** Only sets up. */
  setup: () => undefined,
  /** In this process: one start less, and signals reach the program itself. */
  async start(args) {
    const program = at("bin", "perturb.js");
    process.argv = [process.execPath, program, ...args];
    await import(pathToFileURL(program).href);
  },
  test(args) {
    if (!existsSync(at("..", "shared")))
      process.stderr.write(
        "../shared is not there: the tests that compare with the tutorial's own weights are skipped.\n",
      );
    if (args.length === 0) {
      node("Types", "node_modules/@typescript/native/bin/tsc", ["-p", "tsconfig.json"]);
      node("Format and lint", "node_modules/@biomejs/biome/bin/biome", ["ci", "--error-on-warnings"]);
      node("Lint with types", "node_modules/oxlint/bin/oxlint", ["--type-aware", "--deny-warnings"]);
    }
    node("Tests", "node_modules/vitest/vitest.mjs", ["run", ...args]);
    if (args.length === 0) node("Package", "scripts/check-package.js");
  },
  bench: (args) => node("Benchmarks", "bench/run.js", args),
};

const [task = "setup", ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`Unknown task "${task}". Known: ${Object.keys(tasks).join(", ")}.\n`);
  process.exit(2);
}
checkNode();
install();
build();
await tasks[task](args);
