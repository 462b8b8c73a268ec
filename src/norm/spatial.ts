import { PerturbError } from "../errors.ts";
import type { Norm } from "./contract.ts";
import { clampInto } from "./elements.ts";
import { linf } from "./linf.ts";

const noBall = (): never => {
  throw new PerturbError(
    "unsupported",
    "Rotations and translations have no ball to step or draw in. Choose linf, l2, l1 or l0.",
  );
};

/**
 * Rotation and translation of a picture: ε is a share of the largest, 1 being 30° and 3 / 28 of each side. How far a picture
 * was moved cannot be read from its pixels: attacks keep to ε by what they make, `project` only moves into the bounds, and
 * the distance is the largest change of an element.
 */
export const spatial: Norm = {
  name: "spatial",
  dual: "spatial",
  distance: (a, b) => linf.distance(a, b),
  length: (v) => linf.length(v),
  project(out, x, epsilon, box) {
    if (epsilon === 0) out.set(x);
    clampInto(out, box);
  },
  ascend: noBall,
  uniform: noBall,
};
