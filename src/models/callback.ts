import { PerturbError } from "../errors.ts";
import type { Bounds, Head, Model } from "../model.ts";
import { type FloatTensor, product } from "../tensor.ts";

export interface CallbackOptions {
  readonly name: string;
  /** Shape of one sample. */
  readonly inputShape: readonly number[];
  /** Scores of a sample; 1 with a head of one score, `binary` or `binary-sigmoid`, which makes two classes. */
  readonly classes: number;
  /** By default [0, 1]. */
  readonly bounds?: Bounds;
  /**
   * What `ask` answers, by default logits. Of probabilities (`softmax`, `hidden`) the logarithm is taken, and of those that
   * stand by themselves (`sigmoid`, `binary-sigmoid`) the logit.
   */
  readonly head?: Head;
  /**
   * Scores [n, classes] of samples [n, ...inputShape], which are a copy and may be kept or changed. `samples`: the index of
   * each row in the data set, where it is known.
   */
  readonly ask: (x: FloatTensor, samples?: Int32Array) => Promise<FloatTensor>;
}

/** Where a probability is 0, its logarithm stays finite: as `logitsOf` has it for graphs. */
const LEAST = 1e-37;
/** How far rounding may lift a probability above 1. */
const ROUNDING = 1e-3;

/**
 * A model behind a function: without gradients, for the attacks that need none. NaN scores are passed on.
 * @throws usage for options that cannot be; the model throws mismatch for samples or answers of another shape or type
 */
export function callbackModel({ name, inputShape, classes, bounds, head = "logits", ask }: CallbackOptions): Model {
  const { lower, upper } = bounds ?? { lower: 0, upper: 1 };
  if (!inputShape.every((size) => Number.isInteger(size) && size > 0))
    throw new PerturbError("usage", `The shape of a sample is a list of whole numbers from 1, got [${inputShape}].`);
  const isBinary = head === "binary" || head === "binary-sigmoid";
  if (isBinary ? classes !== 1 : !(Number.isInteger(classes) && classes >= 2))
    throw new PerturbError(
      "usage",
      isBinary
        ? `A model with the head "${head}" gives 1 score for each sample, got ${classes}.`
        : `A classifier has a whole number of classes from 2, got ${classes}. A model with one score has the head "binary" (a logit) or "binary-sigmoid".`,
    );
  if (!(lower < upper))
    throw new PerturbError("usage", `The lower bound must be below the upper one, got ${lower} and ${upper}.`);
  return {
    name,
    inputShape,
    classes: isBinary ? 2 : classes,
    bounds: { lower, upper },
    head: head === "softmax" ? "hidden" : head,
    async logits(x, samples) {
      const [n, ...shape] = x.dims as [number, ...number[]];
      if (String(shape) !== String(inputShape))
        throw new PerturbError(
          "mismatch",
          `${name} takes samples of shape [${inputShape}], got [${shape}]. Give data of that shape.`,
        );
      const dims = [n, classes];
      if (n === 0) return { type: "float32", dims: [0, isBinary ? 2 : classes], data: new Float32Array(0) };
      const answer = await ask({ ...x, data: x.data.slice() }, samples);
      checkAnswer(name, answer, dims);
      // A copy: whoever answers may use its array again.
      const data = logitsOf(name, head, answer.data);
      if (!isBinary) return { type: "float32", dims, data };
      return {
        type: "float32",
        dims: [n, 2],
        data: Float32Array.from([...data].flatMap((z) => [Number.isNaN(z) ? z : 0, z])),
      };
    },
  };
}

/** @throws mismatch for what is no float32 tensor of these dims: functions written in JavaScript are not type-checked */
function checkAnswer(name: string, answer: Partial<FloatTensor> | undefined | null, dims: readonly number[]): void {
  const isTensor = answer?.type === "float32" && answer.data instanceof Float32Array && Array.isArray(answer.dims);
  if (isTensor && String(answer.dims) === String(dims) && answer.data!.length === product(dims)) return;
  const got = isTensor
    ? `float32 [${answer.dims}] with ${answer.data!.length} values`
    : `${answer?.type ?? typeof answer}, which is no float32 tensor`;
  throw new PerturbError(
    "mismatch",
    `${name} answered ${got}; allowed is float32 [${dims}], a score for each sample and class, in a Float32Array.`,
    { data: { allowed: dims, got: answer?.dims } },
  );
}

/** @throws mismatch for what is no probability, where one was announced */
function logitsOf(name: string, head: Head, scores: Float32Array): Float32Array<ArrayBuffer> {
  const toLogit = {
    softmax: log,
    hidden: log,
    sigmoid: (p: number) => log(p) - log(1 - p),
    "binary-sigmoid": (p: number) => log(p) - log(1 - p),
  }[head as string];
  if (!toLogit) return scores.slice() as Float32Array<ArrayBuffer>;
  const wrong = scores.find((p) => p < 0 || p > 1 + ROUNDING);
  if (wrong !== undefined)
    throw new PerturbError(
      "mismatch",
      `${name} answered ${wrong} where a probability was announced. If its scores are logits, give the head "logits".`,
    );
  return Float32Array.from(scores, toLogit);
}

const log = (p: number): number => Math.log(Math.max(p, 0) + LEAST);
