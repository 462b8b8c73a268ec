import { backward } from "../../src/autodiff/engine.ts";
import { emptyGraph } from "../../src/onnx/builder.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { Ops } from "../../src/onnx/ops.ts";
import { type Random, randomFor } from "../../src/random.ts";
import { argmax, type FloatTensor, product, tensor } from "../../src/tensor.ts";
import { withProgram } from "./gradient-check.ts";
import { type Claim, pointOf } from "./proofs.ts";

/** Networks of a few kinds: what is between input and logits. */
export interface HidingKind {
  readonly name: string;
  readonly shape: readonly number[];
  readonly epsilon: number;
  /** `weights` gives weights of these dims. */
  readonly layers: (b: Ops, x: string, weights: (dims: readonly number[]) => string) => string;
}

export const CLASSES = 3;

/** A claim that is false: there is a counterexample, which was trained into the network, while what PGD found was trained out of it. */
export interface FalseClaim extends Claim {
  readonly counterexample: FloatTensor;
}

const dense = (b: Ops, x: string, weights: (dims: readonly number[]) => string, size: number): string =>
  b.plus(b.matmul(x, weights([b.size(x, 1), size])), weights([size]));
const perceptron =
  (op: string, sizes: readonly number[]): HidingKind["layers"] =>
  (b, x, weights) =>
    dense(
      b,
      sizes.reduce((h, size) => b.add(op, [dense(b, h, weights, size)]), x),
      weights,
      CLASSES,
    );

export const hidingKinds: readonly HidingKind[] = [
  { name: "two layers of Relu", shape: [10], epsilon: 0.3, layers: perceptron("Relu", [64, 64]) },
  { name: "three layers of Relu", shape: [6], epsilon: 0.4, layers: perceptron("Relu", [40, 40, 40]) },
  { name: "Tanh", shape: [8], epsilon: 0.4, layers: perceptron("Tanh", [40, 40]) },
  { name: "Sigmoid", shape: [8], epsilon: 0.4, layers: perceptron("Sigmoid", [40, 40]) },
  {
    name: "a convolution",
    shape: [1, 5, 5],
    epsilon: 0.25,
    layers: (b, x, weights) => {
      const h = b.add("Relu", [b.add("Conv", [x, weights([6, 1, 3, 3]), weights([6])], { pads: [1, 1, 1, 1] })]);
      const flat = b.reshape(h, [-1, 6 * 25]);
      return dense(b, b.add("Relu", [dense(b, flat, weights, 24)]), weights, CLASSES);
    },
  },
  { name: "more inputs than are split", shape: [80], epsilon: 0.15, layers: perceptron("Relu", [32, 16]) },
];

const INSTANCES = 2;
const [STEPS, RESTARTS, WINDOW, RATE] = [10, 8, 100, 5e-3];
/** How far beside each other scores should be. */
const MARGIN = 0.5;

/**
 * Trains a network to be of one class in a box, as far as PGD can tell, and of another at one point of it, near the faces: false claims, as those of SoundnessBench (Zhou
 * et al. 2024, https://arxiv.org/abs/2412.03154, §3), by the same two aims and a window of the points that PGD found last.
 * @param epochs of the training
 */
export async function trainHiding(
  { shape, epsilon, layers }: HidingKind,
  seed: number,
  epochs: number,
): Promise<{ readonly graph: Graph; readonly claims: readonly FalseClaim[] }> {
  const random = randomFor(seed, 0);
  const size = product(shape);
  const places = Array.from({ length: INSTANCES }, (_, i) => {
    const x = Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
    const far = random.integer(size);
    // One element is near a face, the others anywhere.
    const hidden = x.map((v, k) => {
      const share =
        k === far ? (random.integer(2) * 2 - 1) * (0.98 + 0.019 * random.uniform()) : 2 * random.uniform() - 1;
      return v + epsilon * share;
    });
    return { x, hidden, label: i % CLASSES, other: (i + 1) % CLASSES };
  });
  const { graph, names, dims } = trainingGraph(shape, layers);
  const weights = dims.map((d): FloatTensor => tensor("float32", d, drawWeights(random, d)));
  await withProgram(graph, async (program) => {
    const adam = adamOf(weights);
    const gradients = async (batch: readonly Sample[], wanted: readonly string[]) => {
      const results = await program.run(feedsOf(shape, batch, weights), [...wanted]);
      return wanted.map((name) => results[name]!.data as Float32Array);
    };
    const found: Sample[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const starts = places.flatMap((place) => Array.from({ length: RESTARTS }, () => place));
      let at: Sample[] = starts.map(({ x, label }) => ({ label, x: around(x, epsilon, random) }));
      for (let step = 0; step < STEPS; step++) {
        const [g] = await gradients(at, [names.input]);
        const share = 0.4 * epsilon * (1 - step / STEPS);
        at = at.map(({ x, label }, i) => ({
          label,
          x: x.map((v, k) => {
            const from = starts[i]!.x[k]!;
            return Math.min(from + epsilon, Math.max(from - epsilon, v + Math.sign(g![i * size + k]!) * share));
          }),
        }));
      }
      found.push(...at);
      found.splice(0, found.length - WINDOW * INSTANCES);
      const hidden = places.map((place) => ({ x: place.hidden, label: place.other }));
      // As much as all others together.
      const batch = [
        ...found,
        ...places,
        ...Array.from({ length: Math.ceil(found.length / INSTANCES) }, () => hidden).flat(),
      ];
      adam(await gradients(batch, names.weights), RATE * Math.min(1, 2 * (1 - epoch / epochs)));
    }
  });
  const b = new Ops(emptyGraph("hiding"));
  let next = 0;
  const x = b.input({ name: "x", type: "float32", dims: ["N", ...shape] });
  b.alias(
    "logits",
    layers(b, x, (d) => b.constant(tensor("float32", d, weights[next++]!.data as Float32Array))),
  );
  const trained = b.finish(["logits"]);
  const claims = await withProgram(trained, async (program) => {
    const kept: FalseClaim[] = [];
    for (const { x: from, hidden, label } of places) {
      const counterexample = pointOf(shape, hidden);
      const classOf = async (at: FloatTensor) =>
        argmax((await program.run({ x: at }))["logits"]!.data as Float32Array, 0, CLASSES);
      // Where training did not get there, nothing is known.
      if ((await classOf(counterexample)) !== label && (await classOf(pointOf(shape, from))) === label)
        kept.push({ x: pointOf(shape, from), label, epsilon, classes: CLASSES, counterexample });
    }
    return kept;
  });
  return { graph: trained, claims };
}

const around = (x: Float32Array, epsilon: number, random: Random) =>
  x.map((v) => v + epsilon * (2 * random.uniform() - 1));

function drawWeights(random: Random, dims: readonly number[]): Float32Array {
  const inputs = dims.length === 1 ? 0 : dims.length === 2 ? dims[0]! : product(dims.slice(1));
  const scale = inputs === 0 ? 0.1 : Math.sqrt(2 / inputs);
  return Float32Array.from({ length: product(dims) }, () => scale * random.normal());
}

interface Names {
  readonly weights: readonly string[];
  readonly input: string;
}

/** `x`, one-hot `class`, and all weights, to the gradients of Σ log(1 + exp(z_j - z_class + MARGIN)). */
function trainingGraph(shape: readonly number[], layers: HidingKind["layers"]) {
  const b = new Ops(emptyGraph("training"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", ...shape] });
  const own = b.input({ name: "class", type: "float32", dims: ["N", CLASSES] });
  const dims: (readonly number[])[] = [];
  const z = layers(b, x, (d) => b.input({ name: `w${dims.push(d) - 1}`, type: "float32", dims: d }));
  const chosen = b.reduceSum(b.mul(z, own), [1], true);
  const beside = b.add("Softplus", [b.plus(b.sub(z, chosen), b.scalar(MARGIN, z))]);
  const loss = b.reduceSum(b.mul(beside, b.sub(b.scalar(1, z), own)), [0, 1], false);
  const wrt = [...dims.map((_, i) => `w${i}`), x];
  const gradients = backward(b, loss, b.scalar(1, loss), wrt);
  const names: Names = { weights: gradients.slice(0, -1), input: gradients.at(-1)! };
  return { graph: b.finish(gradients), names, dims };
}

interface Sample {
  readonly x: Float32Array;
  readonly label: number;
}

/** What samples are fed as, and weights as they are. */
function feedsOf(shape: readonly number[], batch: readonly Sample[], weights: readonly FloatTensor[]) {
  const n = batch.length;
  const size = product(shape);
  const [x, own] = [new Float32Array(n * size), new Float32Array(n * CLASSES)];
  for (const [i, one] of batch.entries()) {
    x.set(one.x, i * size);
    own[i * CLASSES + one.label] = 1;
  }
  return {
    ...Object.fromEntries(weights.map((w, i) => [`w${i}`, w])),
    x: tensor("float32", [n, ...shape], x),
    class: tensor("float32", [n, CLASSES], own),
  };
}

/** Adam (Kingma and Ba 2015, Algorithm 1) on weights that it changes. */
function adamOf(weights: readonly FloatTensor[]): (gradients: readonly Float32Array[], rate: number) => void {
  const [means, squares] = [0, 1].map(() => weights.map(({ data }) => new Float64Array(data.length)));
  let step = 0;
  return (gradients, rate) => {
    step++;
    for (const [i, { data }] of weights.entries())
      for (let k = 0; k < data.length; k++) {
        const g = gradients[i]![k]!;
        const m = 0.9 * means![i]![k]! + 0.1 * g;
        const v = 0.999 * squares![i]![k]! + 0.001 * g * g;
        means![i]![k] = m;
        squares![i]![k] = v;
        data[k]! -= (rate * m) / (1 - 0.9 ** step) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8);
      }
  };
}
