// Compares the exports of export.py with what their framework computed, and writes the table of docs/exporters.md:
//   node compare.mjs OUT [--only REGEX] [--again failed|all] [--dist DIR] [--docs FILE]
// Each case gets a result.json; one that has it is not compared again unless asked to be.
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs, promisify } from "node:util";
import { table } from "./table.mjs";

const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "" },
    again: { type: "string", default: "" },
    dist: { type: "string", default: fileURLToPath(new URL("../../dist", import.meta.url)) },
    docs: { type: "string" },
    one: { type: "boolean", default: false },
  },
});

/** Agreement that counts: of the largest logit, and of the largest gradient. */
const TOLERANCE = 1e-3;
/** One case, killed beyond that. */
const MINUTES = 10;

const json = (path) => JSON.parse(readFileSync(path, "utf8"));
const library = (path) => import(pathToFileURL(join(resolve(options.dist), path)).href);

function distance(got, expected) {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [absolute, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    // Math.max gives NaN where an element is.
    absolute = Math.max(absolute, Math.abs(got[i] - expected[i]));
    largest = Math.max(largest, Math.abs(expected[i]));
  }
  return absolute / largest;
}

/** Probabilities know their logits up to a number a sample. */
function logSoftmax({ dims: [n, classes], data }) {
  return Array.from({ length: n }, (_, i) => {
    const row = Array.from(data.slice(i * classes, (i + 1) * classes));
    const top = Math.max(...row);
    const log = top + Math.log(row.reduce((sum, v) => sum + Math.exp(v - top), 0));
    return row.map((v) => v - log);
  }).flat();
}

/** The largest differences of one case, relative to the largest value. */
async function compare(folder) {
  const [{ readOnnx, prune }, { readNpz }, { classifierFile }, { revealHead }, { openClassifier }, { nodeRuntime }] =
    await Promise.all(
      [
        "exports/onnx.js",
        "datasets/npz.js",
        "models/classifier.js",
        "models/reveal.js",
        "models/graph-model.js",
        "node.js",
      ].map(library),
    );
  const known = json(join(folder, "case.json"));
  const expected = readNpz(readFileSync(join(folder, "values.npz")), "values.npz");
  const graph = readOnnx(new Uint8Array(readFileSync(join(folder, "model.onnx"))), "model.onnx");
  const outputs = graph.outputs.filter(({ name }) => name === (known.output ?? name));
  const x = expected.get("x");
  const labels = Int32Array.from(expected.get("y").data, Number);
  const runtime = nodeRuntime("cpu", 1);
  const file = classifierFile(prune(graph, outputs), { name: "model.onnx", shape: x.dims.slice(1) });
  const model = openClassifier(await revealHead(file, runtime), runtime);
  const { logits, gradient } = await model.gradient(x, { kind: "untargeted", labels });
  const plain = known.probabilities ? logSoftmax : ({ data }) => data;
  return {
    logits: distance(plain(logits), plain(expected.get("logits"))),
    gradient: distance(gradient.data, expected.get("grad").data),
  };
}

/** The same in a process of its own, so that a crash is one row of the table. */
async function compareApart(folder) {
  const self = fileURLToPath(import.meta.url);
  const command = ["--max-old-space-size=8192", self, folder, "--one", "--dist", options.dist];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: MINUTES * 60_000 });
    return JSON.parse(stdout);
  } catch (error) {
    return {
      error: error.killed ? `more than ${MINUTES} minutes` : (error.stderr || error.message).slice(-2000).trim(),
    };
  }
}

/** `refusal`: trees and the like, for which the answer is an error. */
const wrong = ({ error, logits, gradient }, refusal = false) =>
  refusal
    ? error === undefined
    : error !== undefined || logits === null || gradient === null || !(logits < TOLERANCE && gradient < TOLERANCE);

async function compareAll(out) {
  const pattern = new RegExp(options.only);
  const cases = [];
  for (const name of readdirSync(out).sort()) {
    const at = (file) => join(out, name, file);
    if (!existsSync(at("case.json"))) continue;
    const known = json(at("case.json"));
    const before = existsSync(at("result.json")) ? json(at("result.json")) : undefined;
    const due = !before || options.again === "all" || (options.again === "failed" && wrong(before, known.refusal));
    let result = before;
    if (known.error === undefined && due && pattern.test(name)) {
      result = await compareApart(join(out, name));
      writeFileSync(at("result.json"), JSON.stringify(result));
      console.log(`${name}: ${result.error ?? `logits ${result.logits}, gradient ${result.gradient}`}`);
    }
    cases.push({ ...known, result });
  }
  return cases;
}

if (options.one) {
  try {
    console.log(JSON.stringify(await compare(positionals[0])));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, code: error.code }));
  }
} else {
  const cases = await compareAll(positionals[0]);
  if (options.docs)
    writeFileSync(
      options.docs,
      table(cases, (c) => wrong(c.result, c.refusal)),
    );
}
