import type { Evaluation, EvaluationResult, Example, Picture, Point } from "../../src/evaluate.ts";

/** For tests: the counts that the PyTorch tutorial's LeNet has under FGSM, with drawn digits as examples. */
const CORRECT = [9810, 9426, 8510, 6826, 4301, 2082, 869];
const EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3];
const TOTAL = 10_000;
const CLASSES = 10;

// Segments of a seven-segment digit: top, top left, top right, middle, bottom left, bottom right, bottom.
const SEGMENTS = [
  "1110111",
  "0010010",
  "1011101",
  "1011011",
  "0111010",
  "1101011",
  "1101111",
  "1010010",
  "1111111",
  "1111011",
];
const BARS: readonly (readonly [x: number, y: number, width: number, height: number])[] = [
  [9, 4, 10, 3],
  [7, 5, 3, 9],
  [18, 5, 3, 9],
  [9, 13, 10, 3],
  [7, 14, 3, 9],
  [18, 14, 3, 9],
  [9, 21, 10, 3],
];

/** A stream of numbers in [0, 1), the same for the same seed (Steele, Lea and Flood 2014, SplitMix). */
function stream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

function wilson(correct: number, total: number): [number, number] {
  const z = 1.959963984540054;
  const p = correct / total;
  const centre = (p + (z * z) / (2 * total)) / (1 + (z * z) / total);
  const half = (z / (1 + (z * z) / total)) * Math.sqrt((p * (1 - p)) / total + (z * z) / (4 * total * total));
  return [centre - half, centre + half];
}

const accuracyOf = (correct: number, total: number) => ({
  correct,
  total,
  accuracy: correct / total,
  ci95: wilson(correct, total),
});

/** [label][prediction] counts with `correct` on the diagonal, and mistakes as the classes of digits look alike. */
function confusionOf(correct: number, total: number): number[][] {
  const counts = Array.from({ length: CLASSES }, () => Array.from({ length: CLASSES }, () => 0));
  const likely = [6, 7, 3, 8, 9, 3, 0, 9, 3, 4];
  const share = (whole: number, i: number) =>
    Math.floor((whole * (i + 1)) / CLASSES) - Math.floor((whole * i) / CLASSES);
  for (let label = 0; label < CLASSES; label++) {
    counts[label]![label] = share(correct, label);
    const wrong = share(total - correct, label);
    const most = Math.ceil(wrong * 0.6);
    counts[label]![likely[label]!]! += most;
    counts[label]![
      (likely[label]! + 5) % CLASSES === label ? (label + 1) % CLASSES : (likely[label]! + 5) % CLASSES
    ]! += wrong - most;
  }
  return counts;
}

function digit(label: number, shape: readonly number[]): Float32Array {
  const [channels, height, width] = shape as [number, number, number];
  const image = new Float32Array(channels * height * width);
  for (let channel = 0; channel < channels; channel++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [u, v] = [((x + 0.5) * 28) / width, ((y + 0.5) * 28) / height];
        const lit = BARS.some(
          ([left, top, w, h], i) => SEGMENTS[label]![i] === "1" && u >= left && u < left + w && v >= top && v < top + h,
        );
        image[(channel * height + y) * width + x] = lit ? 1 - 0.25 * channel : 0.15 * channel;
      }
  return image;
}

function pictureOf(label: number, epsilon: number, shape: readonly number[], seed: number): Picture {
  const random = stream(seed);
  const original = digit(label, shape);
  const adversarial = original.map((value) => Math.min(1, Math.max(0, value + epsilon * Math.sign(random() - 0.5))));
  return { shape, original, adversarial };
}

export interface FixtureOptions {
  readonly shape?: readonly number[];
  readonly attacks?: readonly string[];
  readonly modelName?: string;
  readonly classNames?: readonly string[];
  readonly warnings?: Evaluation["warnings"];
}

/** An `EvaluationResult` as a LeNet on MNIST gives it. */
export function fixture({
  shape = [1, 28, 28],
  attacks = ["fgsm"],
  modelName = "lenet",
  classNames,
  warnings = [],
}: FixtureOptions = {}): EvaluationResult {
  const exampleOf = (index: number, label: number, prediction: number, confidence: number): Example => ({
    index,
    label,
    prediction,
    confidence,
  });
  const pictures: Picture[][] = [];
  const points = attacks.flatMap((attack, a) =>
    EPSILONS.map((epsilon, i): Point => {
      const correct = Math.round(CORRECT[i + 1]! * 0.8 ** a);
      const labels = Array.from({ length: 5 }, (_, j) => (3 * i + 7 * j + a) % CLASSES);
      pictures.push(labels.map((label, j) => pictureOf(label, epsilon, shape, 100 * a + 10 * i + j)));
      return {
        attack,
        norm: "linf",
        epsilon,
        ...accuracyOf(correct, TOTAL),
        attacked: CORRECT[0]!,
        fooled: CORRECT[0]! - correct,
        fooledConfidence: 0.61 + 0.05 * i,
        largestDistance: epsilon,
        confusion: confusionOf(correct, TOTAL),
        examples: labels.map((label, j) => exampleOf(17 * j + i, label, (label + 5 + j) % CLASSES, 0.5 + 0.08 * j)),
      };
    }),
  );
  const evaluation: Evaluation = {
    schema: 2,
    tool: { name: "perturb", version: "0.1.0" },
    date: "2026-11-22T14:05:31.000Z",
    model: {
      name: modelName,
      sha256: "3a7bd3e2360a3d29eea436fcfb7e44c735d117c42d1c1835420b6b9942dd4f1b",
      inputShape: shape,
      classes: CLASSES,
      head: "log-softmax",
      parameters: 1_199_882,
      bounds: { lower: 0, upper: 1 },
      preprocessing: null,
    },
    data: { name: "mnist", offset: 0, total: TOTAL, ...(classNames && { classNames }) },
    options: {
      attacks,
      norm: "linf",
      epsilons: EPSILONS,
      target: null,
      batch: 500,
      seed: 0,
      settings: [],
      eot: 1,
      levels: null,
      maxQueries: null,
      surrogate: null,
    },
    runtime: { name: "onnxruntime-node 1.30.0", device: "cpu" },
    clean: { ...accuracyOf(CORRECT[0]!, TOTAL), confusion: confusionOf(CORRECT[0]!, TOTAL) },
    worst: EPSILONS.map((epsilon, k) => ({
      epsilon,
      ...accuracyOf(Math.min(...points.filter((_, i) => i % EPSILONS.length === k).map((p) => p.correct)), TOTAL),
      errors: 0,
    })),
    gates: [],
    points,
    attacks: attacks.map((attack) => ({
      attack,
      of: attack,
      attacked: CORRECT[0]!,
      fooled: EPSILONS.map((_, k) => CORRECT[k]! - CORRECT[k + 1]!),
      forwards: 0,
      gradients: 0,
      seconds: 1.1,
      distances: null,
    })),
    linearity: {
      samples: 1000,
      points: EPSILONS.map((epsilon) => ({
        epsilon,
        predicted: 24.1 * epsilon,
        predictedClipped: 13.6 * epsilon,
        measured: 11.9 * epsilon + 31 * epsilon ** 2,
      })),
      dimensions: [1, 4, 16, 49, 196, 784].map((dimensions) => ({
        dimensions,
        epsilon: 0.1,
        predicted: 0.068 * dimensions ** 0.53,
        measured: 0.064 * dimensions ** 0.51,
        random: dimensions === 1 ? -0.001 : 0.002 * dimensions ** 0.1,
      })),
    },
    warnings,
    cost: { seconds: 1.42, forwards: 70_000, gradients: 9_810, samplesPerSecond: 49_295.77 },
  };
  const cleanExamples = [7, 2, 1, 0, 4].map((label, index) => ({
    ...exampleOf(index, label, label, 0.99),
    ...pictureOf(label, 0, shape, index),
  }));
  return { evaluation, pictures, notFooled: EPSILONS.map(() => []), cleanExamples };
}

/** samples.csv without the column of seconds, which no two runs share. */
export function withoutSeconds(csv: string): string {
  const rows = csv.trimEnd().split("\n");
  const place = rows[0]!.split(",").indexOf("seconds");
  return rows.map((row) => row.split(",").toSpliced(place, 1).join(",")).join("\n");
}
