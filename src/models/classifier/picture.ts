import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type Note, option } from "../../option.ts";
import { pictureInFront, preparedPicture } from "../preprocessing/picture-front.ts";
import { type PictureSteps, type Preprocessing, pictureSteps, pictureWords } from "../preprocessing/preprocessing.ts";
import type { BoundsGiven } from "./bounds.ts";

/** What an attacker changes: what the network gets, or the picture that it is made of. */
export type Perturbed = "input" | "picture";

/** How a graph takes pictures at their own size. */
export interface PictureFront {
  readonly steps: PictureSteps;
  /** The shape of what the network then gets. */
  readonly network: readonly number[];
  readonly inFrontOf: (graph: Graph) => Graph;
  readonly note: Note;
}

interface PictureGiven {
  readonly perturb?: Perturbed | undefined;
  readonly shape?: readonly number[];
  readonly preprocessing?: Preprocessing | undefined;
  readonly bounds?: BoundsGiven | undefined;
}

/** Undefined where the network's own input is perturbed. @throws usage where the steps or the shape of a picture are missing */
export function pictureOf({
  perturb = "input",
  shape,
  preprocessing = {},
  bounds,
}: PictureGiven): PictureFront | undefined {
  if (perturb === "input") return undefined;
  if (perturb !== "picture")
    throw new PerturbError("usage", `${option("perturb")} is "input" or "picture"; got ${JSON.stringify(perturb)}.`);
  const steps = pictureSteps(preprocessing);
  if (!steps)
    throw new PerturbError(
      "usage",
      `${option("perturb", "picture")} needs to know how a picture becomes what the network gets. Give ${option("preprocessing.resize")} or ${option("preprocessing.crop")}, or ${option("preprocessing")} for all of it. Where a picture has the network's own size, leave ${option("perturb", "picture")} out: the picture is attacked then.`,
    );
  if (!shape)
    throw new PerturbError(
      "usage",
      `${option("perturb", "picture")} needs the shape of the pictures. Give it (${option("shape")}); where they have several, that of the largest.`,
    );
  if (bounds && (bounds.lower !== 0 || bounds.upper !== 1))
    throw new PerturbError(
      "usage",
      `With ${option("perturb", "picture")}, values are pixels from 0 to 1. Leave out ${option("bounds")}; ${option("preprocessing.scale")} is for a network of other numbers.`,
    );
  return {
    steps,
    network: preparedPicture(shape, steps),
    inFrontOf: (graph) => pictureInFront(graph, steps, shape),
    note: {
      code: "picture-perturbed",
      message: `What is attacked is the picture at its own size: it is ${pictureWords(steps)} in front of the network, in 8 bits. ε, bounds and distances are those of the picture. A pixel takes one of 256 values unless ${option("levels")} says otherwise, and the gradient passes straight through the rounding.`,
    },
  };
}
