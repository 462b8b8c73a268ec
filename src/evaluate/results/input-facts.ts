import type { Evaluation } from "../../evaluate.ts";
import type { Model } from "../../model.ts";
import type { PictureFacts, PictureSteps } from "../../models/preprocessing/preprocessing.ts";

/** What ε is measured in. */
export const unitOf = ({ elements }: Model): "input" | "range" => elements?.unit ?? "input";

/** What is done to pictures, with what goes without saying. */
export function picturesOf(
  { resize, interpolation = "bilinear", antialias = true, crop, cropRounding }: PictureSteps,
  perturbed: boolean,
): PictureFacts {
  return {
    perturbed,
    ...(resize !== undefined && { resize, interpolation, antialias }),
    ...(crop !== undefined && { crop, ...(cropRounding === "down" && { cropRounding }) }),
  };
}

/** Elements whose bounds are listed one by one. */
const LISTED = 4096;

/** Bounds of single elements, in the units of the data. */
export function elementsOf({ elements }: Model): Pick<Evaluation["model"], "elements"> {
  if (!elements) return {};
  const list = (values: Float32Array): number[] => {
    if (values.every((v) => v === values[0])) return [decimal(values[0]!)];
    return values.length > LISTED ? [] : Array.from(values, decimal);
  };
  return { elements: { lower: list(elements.lower), upper: list(elements.upper) } };
}

/** The shortest decimal of a float32: 0.1, not 0.10000000149011612. */
function decimal(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
