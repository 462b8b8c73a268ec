import { PerturbError } from "../../errors.ts";
import type { OpenedGraph } from "../../models/open.ts";
import { type ModelGiven, openModelFile } from "./model.ts";
import type { Pipeline } from "./opened.ts";
import { preprocessingGiven } from "./preprocessing.ts";

type Sizes = readonly (number | null)[] | null;
const isChannels = (size: number | null | undefined): size is 1 | 3 => size === 1 || size === 3;

/** @throws usage for options that --perturb picture leaves nothing to */
export function checkPicture({ shape }: ModelGiven): void {
  if (shape !== undefined)
    throw new PerturbError(
      "usage",
      "--perturb picture takes the shape of the pictures from their files, and makes of them what the network gets. Leave out --shape.",
    );
}

/** The number of channels that a network of pictures takes, where it says so. */
export function channelsOf(sizes: Sizes): 1 | 3 | undefined {
  if (sizes?.length !== 3) return undefined;
  return [sizes[0], sizes[2]].find(isChannels);
}

/** The sizes of a network's samples, any height and width: those of pictures are others. */
export function ofAnySize(sizes: Sizes): Sizes {
  if (sizes?.length !== 3) return null;
  const axis = isChannels(sizes[0]) ? 0 : 2;
  return sizes.map((size, i) => (i === axis && isChannels(size) ? size : null));
}

/** The network alone, for pictures of this shape once their steps are done. */
export async function pipelineOf(opened: OpenedGraph, shape: readonly number[], given: ModelGiven): Promise<Pipeline> {
  const [{ preparedPicture }, { pictureSteps }, { openClassifier }, { nodeRuntime }] = await Promise.all([
    import("../../models/preprocessing/picture-front.ts"),
    import("../../models/preprocessing/preprocessing.ts"),
    import("../../models/classifier/graph-model.ts"),
    import("../../runtime/ort.node.ts"),
  ]);
  const steps = pictureSteps(await preprocessingGiven(given))!;
  const file = await openModelFile(opened, preparedPicture(shape, steps), { ...given, perturb: "input" });
  return { model: openClassifier(file, nodeRuntime(given.device, 1)), steps };
}
