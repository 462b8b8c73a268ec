// Installs and builds what is missing or out of date, then starts the program, the checks, the benchmarks or the fuzzer.
// Node's own modules only: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Runs a command with its output on this terminal; ends this process when it fails. */
function run(title, command, args, { quiet = false, silent = false } = {}) {
  const began = Date.now();
  // What set-up prints is no result: it goes to stderr, or nowhere unless it fails.
  const stdio = silent ? ["ignore", "pipe", "pipe"] : quiet ? ["ignore", 2, 2] : "inherit";
  const { status, error, signal, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    stdio,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (error) throw error;
  if (status !== 0) {
    if (silent) process.stderr.write(`${stdout}${stderr}`);
    process.stderr.write(`\n${title} failed (${signal ?? `exit ${status}`}).\n`);
    process.exit(status ?? 1);
  }
  if (!quiet && !silent) process.stderr.write(`${title}: ok, ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
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

const PROGRAM = "program.vite.config.js";
const SBOM = "sbom.js";

let sources;
/** When what is built was last changed, but for the page's own files. */
function sourcesChanged() {
  sources ??= Math.max(
    newest(at("src")),
    newest(at("models")),
    modified(at("tsconfig.json")),
    modified(at("tsconfig.build.json")),
    modified(at("package-lock.json")),
  );
  return sources;
}

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Removes what builds that were killed have left beside their folder. */
function sweep(folder) {
  for (const name of existsSync(dirname(folder)) ? readdirSync(dirname(folder)) : []) {
    const [, of, pid] = /^(.+)\.(\d+)\.(?:new|old)$/.exec(name) ?? [];
    if (of === basename(folder) && !isAlive(Number(pid)))
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
  }
}

/** Fills a folder anew where `changed` is later than its last build; one that fails or is killed leaves the old folder. */
function refresh(folder, changed, title, fill) {
  if (modified(join(folder, ".built")) >= changed) return;
  process.stderr.write(`${title}…\n`);
  const began = new Date();
  const [fresh, old] = [`${folder}.${process.pid}.new`, `${folder}.${process.pid}.old`];
  const clean = () => {
    for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true });
  };
  sweep(folder);
  // Also when the build fails, which ends this process.
  process.once("exit", clean);
  fill(fresh);
  const stamp = join(fresh, ".built");
  writeFileSync(stamp, "");
  // What changed since then is built the next time.
  utimesSync(stamp, began, began);
  if (existsSync(folder)) renameSync(folder, old);
  try {
    renameSync(fresh, folder);
  } catch {
    cpSync(fresh, folder, { recursive: true, preserveTimestamps: true });
  }
  process.off("exit", clean);
  clean();
}

const bundle = (config, folder) =>
  node("Build", "node_modules/vite/bin/vite.js", ["build", "--config", config, "--outDir", folder], { silent: true });

const scriptsChanged = () => Math.max(...[PROGRAM, SBOM].map((name) => modified(at("scripts", name))));

/** Compiles src to dist, bundles the command line to dist/program, and lists what the package is made of. */
const build = () =>
  refresh(at("dist"), Math.max(sourcesChanged(), scriptsChanged()), "Building", (fresh) => {
    const options = ["-p", "tsconfig.build.json", "--outDir", fresh];
    node("Build", "node_modules/@typescript/native/bin/tsc", options, { quiet: true });
    bundle(`scripts/${PROGRAM}`, join(fresh, "program"));
    node("Build", `scripts/${SBOM}`, [join(fresh, "sbom.cdx.json")], { quiet: true });
  });

/** Bundles a page of web/ to its folder in dist-web. */
const buildWeb = (name, title, config) =>
  refresh(at("dist-web", name), Math.max(sourcesChanged(), newest(at("web"))), `Building ${title}`, (fresh) =>
    bundle(config, fresh),
  );

/** In this process: one start less, and signals reach the program itself. */
async function start(args) {
  const program = at("bin", "perturb.js");
  process.argv = [process.execPath, program, ...args];
  await import(pathToFileURL(program).href);
}

const tasks = {
  /** Only sets up. */
  setup: () => undefined,
  start,
  playground: (args) => start(["playground", ...args]),
  "build:playground": () =>
    process.stdout.write(`${at("dist-web", "playground")}
Any web host can serve this folder, from any path. For several threads it must send these headers:
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
`),
  async test(args) {
    if (!existsSync(at("..", "shared")))
      process.stderr.write(
        "../shared is not there: the tests that compare with the tutorial's own weights are skipped.\n",
      );
    if (args.length === 0) {
      for (const project of ["tsconfig.json", "web/tsconfig.json"])
        node(`Types of ${project}`, "node_modules/@typescript/native/bin/tsc", ["-p", project]);
      node("Format and lint", "node_modules/@biomejs/biome/bin/biome", ["ci", "--error-on-warnings"]);
      node("Lint with types", "node_modules/oxlint/bin/oxlint", ["--type-aware", "--deny-warnings"]);
    }
    // Not for a single file, which is to be fast.
    if (args.length === 0 || process.env.CI) {
      const { installSystemPackages } = await import("./system-packages.js");
      await installSystemPackages();
    }
    if (process.env.CI) {
      const path = (await import("./deno.js")).installDeno();
      if (path) process.env.DENO_PATH = path;
    }
    node("Tests", "node_modules/vitest/vitest.mjs", ["run", ...args]);
    if (args.length === 0) node("Package", "scripts/check-package.js");
  },
  bench: (args) => node("Benchmarks", "bench/run.js", args),
  fuzz: (args) => node("Fuzzing", "fuzz/run.js", args),
};

const [task = "setup", ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, task)) {
  process.stderr.write(`Unknown task "${task}". Known: ${Object.keys(tasks).join(", ")}.\n`);
  process.exit(2);
}
checkNode();
install();
build();
buildWeb("report", "the page of reports", "web/report.vite.config.ts");
// Neither needs it to begin.
if (!["start", "bench", "fuzz"].includes(task)) buildWeb("playground", "the playground", "web/vite.config.ts");
await tasks[task](args);
