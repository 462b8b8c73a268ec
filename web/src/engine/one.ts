import type { Dataset } from "../../../src/dataset.ts";
import { adversarialExamples } from "../../../src/evaluate/adversarial.ts";
import type { DifferentiableModel, Model } from "../../../src/model.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import { type Query, traced } from "../../../src/models/wrapped/traced.ts";
import { norms } from "../../../src/norm.ts";
import type { FloatTensor } from "../../../src/tensor.ts";
import type { AttackOutcome, AttackRequest, Frame } from "../engine.ts";
import { answerOf, batchOf } from "./answer.ts";
import { wantedBy } from "./plans.ts";

/** Frames that are kept of one attack, and the bytes that they may take. */
const FRAMES = 64;
const FRAME_BYTES = 2 ** 25;

/** A data set of one sample, which keeps its own index: the key of all randomness. */
const alone = (model: Model, { x, label, index }: AttackRequest): Dataset => ({
  name: "one sample",
  size: 1,
  shape: model.inputShape,
  classes: model.classes,
  async *batches() {
    yield { x: batchOf(model, x.slice()), labels: Int32Array.of(label), indices: Int32Array.of(index) };
  },
});

/** What a person sees of an attack on one sample. The verdict is that of `perturb attack` on the same sample. */
export async function attackOne(
  model: GraphModel,
  request: AttackRequest,
  context: {
    readonly surrogate: GraphModel | undefined;
    /** What attacks that learn from samples learn from. */
    readonly data: Dataset | undefined;
    readonly signal: AbortSignal;
    readonly progress: ((queries: number) => void) | undefined;
  },
): Promise<AttackOutcome> {
  const { surrogate, data, signal, progress } = context;
  const { attack, options, epsilon } = request;
  const wanted = await wantedBy(data, {
    attacks: [{ attack, options }],
    setting: request,
    epsilons: [epsilon],
    surrogate,
  });
  const film = filming(request.x.length, progress);
  const watched: DifferentiableModel = traced<DifferentiableModel>(model, film.hear);
  const examples = await adversarialExamples(watched, alone(model, request), { ...wanted, signal });
  // The graphs are loaded before the clock runs.
  if (examples.plan.attacks.some(({ attack: { needs } }) => needs === "gradient")) await model.prepare("cross-entropy");
  const before = answerOf(await model.logits(batchOf(model, request.x)));
  const began = performance.now();
  let found: { adversarial: FloatTensor; success: boolean } | undefined;
  for await (const [result] of examples)
    found = { adversarial: result!.adversarial, success: result!.success[0] === 1 };
  const seconds = (performance.now() - began) / 1000;
  const { adversarial, success } = found!;
  const after = answerOf(await model.logits(adversarial));
  const distance = (name: "linf" | "l2" | "l1" | "l0") => norms[name].distance(adversarial.data, request.x);
  return {
    attacked: before.prediction === request.label && request.label !== request.target,
    success,
    adversarial: adversarial.data,
    before,
    after,
    distances: { linf: distance("linf"), l2: distance("l2"), l1: distance("l1"), l0: distance("l0") },
    frames: film.frames(),
    forwards: film.queries.logits,
    gradients: film.queries.gradient,
    seconds,
  };
}

/** Keeps the points at which a model is queried, evenly thinned where they are many. */
function filming(size: number, progress: ((queries: number) => void) | undefined) {
  const most = Math.max(2, Math.min(FRAMES, Math.floor(FRAME_BYTES / (4 * size))));
  const queries = { logits: 0, gradient: 0 };
  let frames: Frame[] = [];
  let last: Frame | undefined;
  let stride = 1;
  const hear = ({ kind, x, samples, logits }: Query): void => {
    const rows = x.dims[0]!;
    for (let i = 0; i < rows; i++) {
      // Examples that an attack learns from are numbered below zero.
      if (samples && samples[i]! < 0) continue;
      const query = ++queries[kind] + queries[kind === "logits" ? "gradient" : "logits"];
      if (query % 50 === 0) progress?.(query);
      const point = x.data.subarray(i * size, (i + 1) * size);
      if (last && same(last.x, point)) continue;
      const { probabilities, prediction } = answerOf(logits, i);
      last = { query, x: point.slice(), probabilities, prediction };
      if ((query - 1) % stride !== 0) continue;
      frames.push(last);
      if (frames.length < most) continue;
      stride *= 2;
      frames = frames.filter((frame) => (frame.query - 1) % stride === 0);
    }
  };
  return {
    queries,
    hear,
    /** The last query, that of the judge, is always among them. */
    frames: (): Frame[] => (last && frames.at(-1) !== last ? [...frames, last] : frames),
  };
}

function same(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
