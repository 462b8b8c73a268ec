import type { Model } from "../../model.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { sha256 } from "../../sha256.ts";
import { VERSION } from "../../version.ts";
import { elementsOf, picturesOf, unitOf } from "./input-facts.ts";
import type { Subject } from "./result.ts";

/** What a report says of a model that is open. */
export async function subjectOf(model: Model): Promise<Subject> {
  if (!isGraphModel(model)) {
    const { name, inputShape, classes, head, bounds, runtime } = model;
    const about = { name, sha256: null, inputShape, classes, head, parameters: null, bounds, preprocessing: null };
    return {
      model: { ...about, ...elementsOf(model) },
      epsilonUnit: unitOf(model),
      runtime: runtime ?? { name: "a function", device: "unknown" },
      version: VERSION,
    };
  }
  const { file, runtime } = model;
  const { name, inputShape, classes, head, parameters, bounds, normalization: preprocessing = null } = file;
  const hash = file.sha256 ?? (await sha256(file.onnx));
  return {
    model: {
      name,
      sha256: hash,
      inputShape,
      classes,
      head,
      parameters,
      bounds,
      ...elementsOf(model),
      preprocessing,
      ...(file.picture && { pictures: picturesOf(file.picture, true) }),
    },
    epsilonUnit: unitOf(model),
    runtime: { name: runtime.name, device: runtime.device },
    version: VERSION,
    straightThrough: file.straightThrough,
    ...(file.defence && { defence: file.defence }),
    ...(model.labelSets && { labels: model.labelSets.labels }),
    ...(file.askedThrough && { askedThrough: file.askedThrough }),
  };
}
