import { readNpz, writeNpz } from "../../../src/datasets/npz.ts";
import { goalOf } from "../../../src/evaluate/course/batch.ts";
import { reached } from "../../../src/model.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import { NORM_SYMBOL } from "../../../src/report/format.ts";
import { attackSvg } from "../../../src/report/pictures/attack-strip.ts";
import { toPixels } from "../../../src/report/pictures/picture.ts";
import { encodePng } from "../../../src/report/pictures/png.ts";
import { tensor, toFloat32 } from "../../../src/tensor.ts";
import { VERSION } from "../../../src/version.ts";
import type { AttackFile, AttackOutcome, AttackRequest, FileFormat, ReadBack } from "../engine.ts";
import { answerOf, batchOf } from "./answer.ts";
import { readPng } from "./picture.ts";

/** An attacked sample, and what it was made by. */
export interface Attacked {
  readonly model: GraphModel;
  readonly request: AttackRequest;
  readonly outcome: AttackOutcome;
  readonly classNames: readonly string[];
}

/** The attacked sample as a file. One that holds the sample is read back, and the model is asked about what it holds. */
export async function attackFile(format: FileFormat, attacked: Attacked): Promise<AttackFile> {
  const { model, outcome } = attacked;
  if (format === "svg") return { bytes: text(svgOf(attacked)), readBack: null };
  if (format === "json") return { bytes: text(`${JSON.stringify(jsonOf(attacked), null, 2)}\n`), readBack: null };
  if (format === "npz") {
    const bytes = npzOf(attacked);
    const { data } = toFloat32(readNpz(bytes, "adversarial.npz").get("x_adv")!);
    return { bytes, readBack: await judged(attacked, data) };
  }
  const bytes = encodePng(toPixels(model.inputShape, outcome.adversarial, model.bounds));
  return { bytes, readBack: await judged(attacked, await readPng(model, bytes)) };
}

const text = (content: string): Uint8Array => new TextEncoder().encode(content);

async function judged({ model, request, outcome }: Attacked, x: Float32Array): Promise<ReadBack> {
  const answer = answerOf(await model.logits(batchOf(model, x)));
  const { prediction } = answer;
  const goal = goalOf(Int32Array.of(request.label), request.target);
  return { answer, holds: outcome.success && prediction >= 0 && reached(goal, 0, prediction) };
}

/** The rows that `perturb attack` writes, for one sample. */
function npzOf({ model, request, outcome }: Attacked): Uint8Array {
  const rows = [1, ...model.inputShape];
  return writeNpz({
    x: tensor("float32", rows, request.x),
    x_adv: tensor("float32", rows, outcome.adversarial),
    label: tensor("int32", [1], Int32Array.of(request.label)),
    prediction: tensor("int32", [1], Int32Array.of(outcome.after.prediction)),
    success: tensor("uint8", [1], Uint8Array.of(Number(outcome.success))),
    index: tensor("int32", [1], Int32Array.of(request.index)),
    epsilon: tensor("float64", [1], Float64Array.of(request.epsilon)),
  });
}

const svgOf = ({ model, request, outcome, classNames }: Attacked): string =>
  attackSvg({
    heading: `${classNames[request.label] ?? request.label} → ${classNames[outcome.after.prediction] ?? outcome.after.prediction}`,
    details: `${model.name}, ${request.attack}, ${NORM_SYMBOL[request.norm]}, ε = ${request.epsilon}`,
    shape: model.inputShape,
    bounds: model.bounds,
    original: request.x,
    adversarial: outcome.adversarial,
  });

/** What was done, and what came of it: numbers and names. */
function jsonOf({ model, request, outcome }: Attacked): object {
  const { attack, options, norm, epsilon, target, seed, levels, index, label } = request;
  const { attacked, success, before, after, distances, forwards, gradients, seconds } = outcome;
  return {
    tool: { name: "perturb", version: VERSION },
    model: {
      name: model.name,
      sha256: model.file.sha256 ?? null,
      inputShape: model.inputShape,
      classes: model.classes,
    },
    sample: { index, label },
    attack: { name: attack, options, norm, epsilon, target, seed, levels },
    attacked,
    success,
    before,
    after,
    distances,
    cost: { forwards, gradients, seconds },
  };
}
