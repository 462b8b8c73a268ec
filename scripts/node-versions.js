// Runs the main job and the unit tests on the versions of Node that users have. `.ci/run` calls it, after the whole suite
// has passed on the Node that runs this. The checkout must be set up.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The newest of each line that npm has for Linux and Windows, and the share of the unit tests that it runs: what works on the
 * oldest Node, where the whole suite runs, and on the newest, seldom fails between.
 */
const VERSIONS = { "22.23.3": "1/2", "24.21.0": "2/2", "26.10.0": "1/1" };

/** Of 10,000 images: correct clean, then under FGSM at ε .05 to .3, for the bundled LeNet. */
const COUNTS = [9897, 9532, 8665, 6959, 4634, 2620, 1364];

/** More than half of the unit tests' time: what they compare is computed inside ONNX Runtime, the same on every Node. */
const LEFT_OUT = [
  "src/attacks/attacks.test.ts",
  "src/certify/deceptive.test.ts",
  ...["rules", "wasm", "webgpu", "conformance"].map((name) => `src/autodiff/${name}.test.ts`),
  ...["operators", "networks", "branch", "conformance", "breakdown", "reduced"].map(
    (name) => `src/certify/bounds/${name}.test.ts`,
  ),
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text) => process.stderr.write(`${text}\n`);
const fail = (text) => {
  say(text);
  process.exit(1);
};

/** The package that npm's `node` installs by a script of its own, which we do not run. */
function packageName() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const prefix = platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${platform}-${process.arch}`;
}

/** The program of a version, installed beside the project's packages and not among them; undefined where npm has none. */
function installed(version) {
  const folder = join(root, "node_modules", ".cache", "node", version);
  const program = join(
    folder,
    "node_modules",
    packageName(),
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  // On Windows npm is a script, and only a shell runs scripts.
  const [npm, before] = process.platform === "win32" ? ["cmd", ["/c", "npm"]] : ["npm", []];
  const options = ["--prefix", folder, "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"];
  spawnSync(npm, [...before, "install", ...options, `${packageName()}@${version}`], { stdio: ["ignore", "ignore", 2] });
  return existsSync(program) ? program : undefined;
}

function mainJob(program, version) {
  const job = ["bin/perturb.js", "evaluate", "--model", "models/lenet-mnist.onnx", "--quiet", "--json", "-"];
  const { status, stdout } = spawnSync(program, job, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", 2] });
  if (status !== 0) fail(`Node ${version}: the main job failed.`);
  const { clean, points } = JSON.parse(stdout);
  const counts = [clean, ...points].map(({ correct }) => correct);
  if (`${counts}` !== `${COUNTS}`) fail(`Node ${version}: the main job counts ${counts}, and must count ${COUNTS}.`);
}

function unitTests(program, version, share) {
  const without = LEFT_OUT.flatMap((file) => ["--exclude", file]);
  const args = ["node_modules/vitest/vitest.mjs", "run", "src", `--shard=${share}`, ...without];
  const { status } = spawnSync(program, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status !== 0) fail(`Node ${version}: unit tests failed.`);
}

say(`Unit tests on Node ${Object.keys(VERSIONS).join(", ")}, without the numerics of ${LEFT_OUT.join(", ")}.`);
mainJob(process.execPath, process.versions.node);
for (const [version, share] of Object.entries(VERSIONS)) {
  const began = Date.now();
  const program = installed(version);
  if (program === undefined) {
    const why = `Node ${version}: not tested, because npm could not install ${packageName()}@${version}.`;
    if (process.env.CI) fail(`${why} CI must test it.`);
    say(why);
    continue;
  }
  mainJob(program, version);
  unitTests(program, version, share);
  say(`Node ${version}: main job and ${share} of the unit tests ok, ${((Date.now() - began) / 1000).toFixed(0)} s`);
}
