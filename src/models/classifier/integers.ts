import { integerInput, type Rounding, withRealInput } from "../../autodiff/integer-input.ts";
import { PerturbError } from "../../errors.ts";
import type { Bounds } from "../../model.ts";
import type { Graph } from "../../onnx/graph.ts";
import { type Note, option } from "../../option.ts";
import type { Normalization } from "./preprocess.ts";

/** A graph whose input is real numbers, and what was put in front of integers for that. */
export interface RealInput {
  readonly graph: Graph;
  /** How many values an element may take, where integers were put in front. */
  readonly levels?: number;
  readonly note?: Note;
}

/**
 * The graph with real numbers for its input. One of integers is taken to hold pixels: those from 0 to 1 are multiplied by 255
 * and rounded (for int8, less 128). Where bounds or a preprocessing say what the integers are, that is rounded as it is.
 * @throws unsupported for token ids; usage for numbers that the type does not hold
 */
export function realInput(
  graph: Graph,
  {
    bounds,
    normalization: given,
  }: { readonly bounds?: Bounds | undefined; readonly normalization?: Normalization | undefined },
): RealInput {
  const integers = integerInput(graph);
  if (!integers) return { graph };
  const { type, range, name } = integers;
  // What changes no value, such as the order of colours alone, does not say what the integers are.
  const normalization =
    given && isSame(given.mean, 0) && isSame(given.std, 1) && (given.scale ?? 1) === 1 ? undefined : given;
  const rounding = roundingOf(type === "int8" ? -128 : 0, bounds, normalization);
  const [low, high] = rounding.reach;
  if (Math.round(low) < range[0] || Math.round(high) > range[1])
    throw new PerturbError(
      "usage",
      `The model's input "${name}" takes ${type}, ${range[0]} to ${range[1]}, and would be given ${low} to ${high}. ${normalization ? `Leave out ${option("normalization.mean")} and ${option("normalization.std")}: pixels are multiplied by 255 by themselves.` : `Change ${option("bounds")}.`}`,
      { data: { type, range, reach: rounding.reach } },
    );
  const whole = Math.round(high) - Math.round(low) + 1;
  if (normalization && !bounds && whole < FEW)
    throw new PerturbError(
      "usage",
      `The model's input "${name}" takes whole numbers (${type}), and would be given only ${whole} of them, from ${Math.round(low)} to ${Math.round(high)}: a mean and a standard deviation belong to a network of reals. Leave out ${option("normalization.mean")} and ${option("normalization.std")} (pixels are multiplied by 255 by themselves), or say what a pixel is multiplied by before them (${option("preprocessing.scale", 255)}).`,
      { data: { type, reach: rounding.reach } },
    );
  const levels = bounds ? Math.round(high - low) + 1 : 256;
  const what = bounds
    ? `values from ${bounds.lower} to ${bounds.upper}`
    : normalization
      ? "pixels from 0 to 1, preprocessed as was asked"
      : `pixels from 0 to 1, times 255${rounding.offset === 0 ? "" : ` less ${-rounding.offset}`}`;
  return {
    graph: withRealInput(graph, integers, rounding),
    ...(levels >= 2 && levels <= 65536 && { levels }),
    note: {
      code: "integer-input",
      message: `The model takes whole numbers (${type}). They are taken to stand for reals: it is given ${what}, and rounded. An element takes one of ${levels} values unless ${option("levels")} says otherwise, and the gradient passes straight through the rounding.`,
    },
  };
}

/** Fewer whole numbers than this are no pixels. */
const FEW = 16;

const isSame = (values: readonly number[], number: number): boolean => values.every((v) => v === number);

function roundingOf(offset: number, bounds: Bounds | undefined, normalization: Normalization | undefined): Rounding {
  const { lower, upper } = bounds ?? { lower: 0, upper: 1 };
  if (!normalization)
    return bounds
      ? { scale: 1, offset: 0, reach: [lower, upper] }
      : { scale: 255, offset, reach: [offset, 255 + offset] };
  const { mean, std, scale = 1 } = normalization;
  const ends = Array.from({ length: Math.max(mean.length, std.length) }, (_, c) =>
    [lower, upper].map((v) => (scale * v - mean[c % mean.length]!) / std[c % std.length]!),
  ).flat();
  // Rounded first: what float32 makes of 255 may lie a hair above.
  const whole = ends.map((v) => (Math.abs(v - Math.round(v)) < 1e-3 ? Math.round(v) : v));
  return { scale: 1, offset: 0, reach: [Math.min(...whole), Math.max(...whole)] };
}
