// Compares perturb with ONNX Runtime alone on files of other people: see README.md.
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { argv, stderr, stdout } from "node:process";
import * as ort from "onnxruntime-node";
import * as attacks from "../../dist/exports/attacks.js";
import { datasetOf, evaluate } from "../../dist/index.js";
import { openModel } from "../../dist/node.js";
import { models } from "./models.js";

const [folder, only] = argv.slice(2);
if (folder === undefined) throw new Error("usage: check.js FILES [PART OF A NAME]");

/** The same numbers in every run, uniform in [0, 1). */
function* uniform(seed) {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

/** Samples well inside the bounds: steps of a difference must not leave them. */
function samplesOf({ shape, bounds: { lower, upper }, samples }) {
  const random = uniform(7);
  const size = sizeOf(shape);
  const values = Float32Array.from({ length: samples * size }, () => 0.1 + 0.8 * random.next().value);
  return { values: values.map((v) => lower + (upper - lower) * v), size };
}

/** Asks the file itself: the logits that its output means, in float64. */
async function asker(path, { shape, options = {}, logits }) {
  const session = await ort.InferenceSession.create(path, { logSeverityLevel: 4, intraOpNumThreads: 1 });
  const input = options.input ?? session.inputNames[0];
  const output = options.output ?? session.outputNames[0];
  const type = session.inputMetadata.find(({ name }) => name === input).type;
  const fixed = session.inputMetadata.find(({ name }) => name === input).shape[0] === 1;
  const others = Object.fromEntries(
    Object.entries(options.feeds ?? {}).map(([name, t]) => [name, new ort.Tensor(t.type, t.data, t.dims)]),
  );
  const ask = async (x, rows) => {
    const data = type === "float64" ? Float64Array.from(x) : x;
    const answer = await session.run({ [input]: new ort.Tensor(type, data, [rows, ...shape]), ...others }, [output]);
    const { data: values, dims } = answer[output];
    return Array.from({ length: rows }, (_, i) => logits(Float64Array.from(values), dims, i, rows));
  };
  const size = sizeOf(shape);
  return {
    release: () => session.release(),
    async logits(x) {
      const rows = x.length / size;
      if (!fixed && !options.feeds) return ask(x, rows);
      const all = [];
      for (let i = 0; i < rows; i++) all.push(...(await ask(x.slice(i * size, (i + 1) * size), 1)));
      return all;
    },
  };
}

const argmax = (row) => row.indexOf(Math.max(...row));
const crossEntropy = (row, label) => {
  const top = Math.max(...row);
  return Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0)) + top - row[label];
};

const STEPS = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4];

/**
 * The worst of several directions, each at its best step: how far g·d is from the central difference, as a share of |g||d|. Of
 * the sample that the file is least sure of, and its least likely class: of others float32 may hold no digit of the loss.
 */
async function gradientError(file, model, { values, size }, rows, { lower, upper }) {
  const spreads = rows.map((row) => Math.max(...row) - Math.min(...row));
  const sample = spreads.indexOf(Math.min(...spreads));
  const label = rows[sample].indexOf(Math.min(...rows[sample]));
  const x = values.slice(sample * size, (sample + 1) * size);
  const { gradient } = await model.gradient(
    { type: "float32", dims: [1, ...model.inputShape], data: x },
    { kind: "untargeted", labels: Int32Array.of(label) },
    "cross-entropy",
    Int32Array.of(sample),
  );
  const g = Float64Array.from(gradient.data);
  const norm = Math.sqrt(g.reduce((sum, v) => sum + v * v, 0));
  if (norm === 0) return { error: 0, zero: true };
  const random = uniform(11);
  const masked = () => g.map((v) => (random.next().value < 0.5 ? 0 : v / norm));
  let worst = 0;
  let moved = false;
  for (const d of [g.map((v) => v / norm), masked(), masked()]) {
    const slope = d.reduce((sum, v, i) => sum + v * g[i], 0);
    const errors = [];
    for (const step of STEPS) {
      const h = step * (upper - lower);
      const at = async (sign) => crossEntropy((await file.logits(x.map((v, i) => v + sign * h * d[i])))[0], label);
      const difference = (await at(1)) - (await at(-1));
      moved ||= difference !== 0;
      errors.push(Math.abs(difference / (2 * h) - slope) / norm);
    }
    worst = Math.max(worst, Math.min(...errors));
  }
  // Where the file's output is rounded to 0 or 1, it says nothing of its slope.
  return moved ? { error: worst } : { error: 0, undecidable: true };
}

async function check(spec) {
  const path = join(folder, spec.file);
  const options = {
    ...spec.options,
    ...(spec.shape && { shape: spec.shape }),
    ...(spec.bounds && { bounds: spec.bounds }),
    ...(spec.options?.feeds && { feeds: new Map(Object.entries(spec.options.feeds)) }),
  };
  if (spec.refused !== undefined) {
    try {
      await (await openModel(path, options)).release();
      return { verdict: "WRONG: not refused" };
    } catch (error) {
      const said = error.message.includes(spec.refused) ? "refused" : "WRONG words";
      return { verdict: `${said}: ${error.message.slice(0, 160)}` };
    }
  }
  const model = await openModel(path, options);
  const file = await asker(path, spec);
  const data = samplesOf(spec);
  const rows = await file.logits(data.values);
  const truth = rows.map(argmax);
  const x = { type: "float32", dims: [spec.samples, ...spec.shape], data: data.values };
  const indices = Int32Array.from({ length: spec.samples }, (_, i) => i);
  const { data: own } = await model.logits(x, indices);
  const agree = truth.filter(
    (label, i) => argmax([...own.subarray(i * model.classes, (i + 1) * model.classes)]) === label,
  ).length;
  const gradient = spec.trees ? null : await gradientError(file, model, data, rows, spec.bounds);
  const range = spec.bounds.upper - spec.bounds.lower;
  const set = datasetOf({
    name: "samples",
    shape: spec.shape,
    x: data.values,
    labels: Int32Array.from(truth),
    classes: model.classes,
  });
  const chosen = [attacks.square.with({ queries: 40 })];
  if (!spec.trees) chosen.unshift(attacks.fgsm, attacks.pgd.with({ steps: 5, stepSize: "0.25eps" }));
  const { evaluation } = await evaluate(model, set, { attacks: chosen, epsilons: [0.05 * range], followUp: false });
  await Promise.all([model.release(), file.release()]);
  const left = evaluation.points.map(({ attack, correct }) => `${attack} ${correct}`).join(", ");
  const right = agree === spec.samples && evaluation.clean.correct === spec.samples && (gradient?.error ?? 0) < 2e-2;
  return {
    verdict: right ? "right" : "WRONG",
    agree: `${agree}/${spec.samples}`,
    gradient:
      gradient === null
        ? "none (trees)"
        : gradient.zero
          ? "0 everywhere"
          : gradient.undecidable
            ? "not decidable: saturated"
            : gradient.error.toExponential(0),
    clean: `${evaluation.clean.correct}/${evaluation.clean.total}`,
    left,
  };
}

stdout.write(
  "| file | what it is | predictions equal | gradient error | clean, then correct under attack | |\n|---|---|---|---|---|---|\n",
);
for (const spec of models) {
  if (only !== undefined && !spec.file.includes(only)) continue;
  const name = `${spec.file.split("/")[0]}: ${basename(spec.file)}`;
  const began = Date.now();
  const result = existsSync(join(folder, spec.file))
    ? await check(spec).catch((error) => ({ verdict: `WRONG: ${error.message.slice(0, 300)}` }))
    : { verdict: "not there" };
  stderr.write(`${name}: ${((Date.now() - began) / 1000).toFixed(1)} s, ${result.verdict}\n`);
  stdout.write(
    `| ${name} | ${spec.what} | ${result.agree ?? ""} | ${result.gradient ?? ""} | ${result.clean ?? ""}${result.left ? `; ${result.left}` : ""} | ${result.verdict} |\n`,
  );
}
