// Looks for counterexamples where `perturb verify` answered unsat, by projected gradient descent from many points of each case's box:
//   node tools/search-unsat.js FOLDER RESULTS.csv [restarts]
// FOLDER holds the models and properties; RESULTS.csv has lines of model, property, answer, as `perturb verify --instances … --out` writes them.
// It runs the network's own graph and gradient, and shares with proofs no more than how files are read. The exit code is 1 where a counterexample was found.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { asNetwork } from "../dist/certify/bounds/network.js";
import { isEmpty } from "../dist/certify/verify/property.js";
import { openRuns } from "../dist/certify/verify/runs.js";
import { search } from "../dist/certify/verify/search.js";
import { conditionsOf } from "../dist/certify/verify/witness.js";
import { readVnnlib } from "../dist/certify/vnnlib/read.js";
import { nodeRuntime } from "../dist/node.js";
import { readOnnx } from "../dist/onnx/file.js";

const [folder, results, restarts = "1000"] = process.argv.slice(2);
if (!folder || !results || !(Number(restarts) > 0)) {
  process.stderr.write("Usage: node tools/search-unsat.js FOLDER RESULTS.csv [restarts]\n");
  process.exit(2);
}

const STEPS = 40;
const runtime = nodeRuntime("cpu", 1);
const bytes = (name) => {
  const path = join(folder, name);
  return existsSync(path) && !path.endsWith(".gz")
    ? readFileSync(path)
    : gunzipSync(readFileSync(path.endsWith(".gz") ? path : `${path}.gz`));
};

/** The graph of a model, its gradient and its own file, kept for the properties that follow. */
let open;
async function runsOf(model, property) {
  const key = [model, property.inputs, property.outputs].join();
  if (open?.key === key) return open;
  await open?.runs.release();
  const file = readOnnx(bytes(model), model);
  const network = asNetwork(file, property);
  open = { key, network, runs: await openRuns(file, network, runtime) };
  return open;
}

let [searched, cases, found] = [0, 0, 0];
for (const line of readFileSync(results, "utf8").split(/\r?\n/)) {
  const [model, spec, answer] = line.split(",");
  if (answer !== "unsat") continue;
  const property = readVnnlib(new TextDecoder().decode(bytes(spec)), basename(spec));
  const { network, runs } = await runsOf(model, property);
  searched++;
  for (const of of property.cases) {
    if (isEmpty(of)) continue;
    cases++;
    const options = { starts: Number(restarts), steps: STEPS, seed: searched };
    const witness = await search(runs, of, conditionsOf(of, network.outputs), network.sample, options);
    if (!witness) continue;
    found++;
    process.stdout.write(`${model},${spec}: counterexample ${Array.from(witness.input)}\n`);
    process.exitCode = 1;
  }
}
await open?.runs.release();
process.stdout.write(
  `${searched} unsat answers, ${cases} cases, ${restarts} restarts each: ${found} counterexamples\n`,
);
