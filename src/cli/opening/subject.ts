import { withShape } from "../../dataset.ts";
import type { Split } from "../../datasets/known.ts";
import { saidLayout } from "../../datasets/open-layout.ts";
import { PerturbError } from "../../errors.ts";
import { fittingShape } from "../../layout.ts";
import { isAddress } from "./address.ts";
import { type EndpointGiven, openEndpointSubject } from "./endpoint.ts";
import { type ModelGiven, openGraph, openModelFile, openSizes } from "./model.ts";
import type { OpenedSubject } from "./opened.ts";
import { channelsOf, checkPicture, ofAnySize, pipelineOf } from "./picture.ts";
import { preprocessingGiven, withOwnConfiguration } from "./preprocessing.ts";

export interface SubjectGiven extends ModelGiven, Omit<EndpointGiven, keyof ModelGiven> {
  /** Which part of a set that has several, by default `test`. */
  readonly split?: Split | undefined;
}

/** Opens the model, then the data in the model's shape. @throws whatever is wrong with either */
export async function openSubject(asked: SubjectGiven): Promise<OpenedSubject> {
  if (isAddress(asked.model)) {
    return openEndpointSubject(asked);
  }
  const { given, notes } = await withOwnConfiguration(asked.model, asked);
  const { header = [], timeout, retries } = given;
  if (header.length > 0 || timeout !== undefined || retries !== undefined)
    throw new PerturbError(
      "usage",
      "--header, --timeout and --retries are for a model behind an address, --model http://…, and this one is a file.",
    );
  const [opened, { openDataset }, { nodeRuntime }, { openClassifier }] = await Promise.all([
    openGraph(given.model, given),
    import("../../datasets/locate.node.ts"),
    import("../../runtime/ort.node.ts"),
    import("../../models/classifier/graph-model.ts"),
  ]);
  // Token ids are refused before data of such numbers is.
  const { integerInput } = await import("../../autodiff/integer-input.ts");
  integerInput(opened.graph);
  const isPicture = given.perturb === "picture";
  if (isPicture) checkPicture(given);
  const shape = isPicture ? undefined : (given.shape ?? opened.shape ?? undefined);
  const sizes = opened.graph.inputs.length === 1 ? openSizes(opened.graph.inputs[0]!.dims) : null;
  const found = await openDataset(given.data, {
    ...(given.labels && { labels: given.labels }),
    ...(given.classes && { classFile: given.classes }),
    split: given.split,
    dataEpsilon: given.dataEps,
    multiLabel: given.head === "multi-label",
    ...(shape && { shape }),
    preprocessing: await preprocessingGiven(given),
    ...(isPicture && { ownSize: { channels: channelsOf(sizes) } }),
  });
  // Sizes that the model leaves open are those of the data, with the channels where the model has them.
  const wanted = isPicture ? ofAnySize(sizes) : sizes;
  const fitted = wanted && !shape ? withShape(found, fittingShape(found.shape, wanted)) : found;
  const data = shape ? fitted : saidLayout(fitted);
  const settled = await openModelFile(opened, data.shape, given, data.labelSets);
  const file = { ...settled, notes: [...(settled.notes ?? []), ...notes] };
  return {
    model: openClassifier(file, nodeRuntime(given.device)),
    data,
    ...(given.preprocess !== undefined && { preprocess: given.preprocess }),
    ...(isPicture && { pipeline: () => pipelineOf(opened, data.shape, given) }),
  };
}
