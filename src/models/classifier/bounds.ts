import { PerturbError } from "../../errors.ts";
import type { Bounds, ElementBounds } from "../../model.ts";
import type { Graph } from "../../onnx/graph.ts";
import { option } from "../../option.ts";
import { product, tensor } from "../../tensor.ts";
import { inFront } from "./front.ts";

/** The values that elements may take: numbers for all, or one for each element of a sample, in row-major order. */
export interface BoundsGiven {
  readonly lower: number | ArrayLike<number>;
  readonly upper: number | ArrayLike<number>;
}

/** What ε is measured in: the units of the input, or shares of the range between the bounds of each element. */
export type EpsilonUnit = "input" | "range";

/** What attacks are told of bounds: one pair for all elements, and that of each where they differ or ε is a share of them. */
export interface SettledBounds {
  readonly bounds: Bounds;
  readonly elements?: ElementBounds;
}

/**
 * Bounds by one pair for all elements, and by element. @throws usage for those that are not finite, crossed, or too few
 */
export function settleBounds(given: BoundsGiven, unit: EpsilonUnit, shape: readonly number[]): SettledBounds {
  const { lower, upper } = given;
  const isPlain = typeof lower === "number" && typeof upper === "number";
  if (isPlain) {
    if (!(lower < upper && Number.isFinite(lower) && Number.isFinite(upper)))
      throw new PerturbError(
        "usage",
        `${option("bounds")} takes the least and the largest value of an element, two finite numbers that rise; got ${lower} and ${upper}.`,
      );
    if (unit === "input") return { bounds: { lower, upper } };
  }
  const size = product(shape);
  const elements = { lower: spread(lower, size, shape), upper: spread(upper, size, shape), unit };
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < size; i++) {
    const [low, high] = [elements.lower[i]!, elements.upper[i]!];
    if (!(low <= high && Number.isFinite(low) && Number.isFinite(high)))
      throw new PerturbError(
        "usage",
        `${option("bounds")} gives element ${i} the bounds ${low} and ${high}. Give finite numbers, the lower one first.`,
        { data: { element: i, lower: low, upper: high } },
      );
    least = Math.min(least, low);
    most = Math.max(most, high);
  }
  if (!(least < most))
    throw new PerturbError("usage", `${option("bounds")} leaves no element any room: all are ${least}.`);
  return { bounds: unit === "range" ? { lower: 0, upper: 1 } : { lower: least, upper: most }, elements };
}

/** The least and the largest of all bounds. */
export const hull = ({ lower, upper }: BoundsGiven): Bounds => ({
  lower: typeof lower === "number" ? lower : Array.from(lower).reduce((a, b) => Math.min(a, b)),
  upper: typeof upper === "number" ? upper : Array.from(upper).reduce((a, b) => Math.max(a, b)),
});

function spread(values: number | ArrayLike<number>, size: number, shape: readonly number[]): Float32Array {
  if (typeof values === "number") return new Float32Array(size).fill(values);
  if (values.length === size) return Float32Array.from(values);
  throw new PerturbError(
    "usage",
    `${option("bounds")} has ${values.length} pairs, and a sample of shape [${shape}] has ${size} elements. Give one pair for all, or one for each.`,
    { data: { got: values.length, wanted: size } },
  );
}

/** The graph that takes shares of the range of each element, from 0 to 1. */
export const fromShares = (graph: Graph, { lower, upper }: ElementBounds): Graph =>
  inFront(graph, "shares", (b, x) => {
    const dims = graph.inputs[0]!.dims!.slice(1) as number[];
    const width = Float32Array.from(upper, (high, i) => high - lower[i]!);
    return b.plus(b.mul(x, b.constant(tensor("float32", dims, width))), b.constant(tensor("float32", dims, lower)));
  });
