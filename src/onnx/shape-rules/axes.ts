import type { ShapeContext } from "../facts.ts";

/** The axes of a reduction or (un)squeeze: an attribute first, an input in newer opsets; null when not known. */
export function axesOf({ node, input }: ShapeContext, i = 1): readonly number[] | null | undefined {
  const attribute = node.attributes.ints("axes", undefined);
  if (attribute) return attribute;
  if (!node.inputs[i]) return undefined;
  const values = input(i).values;
  return values?.every((v) => typeof v === "number") ? (values as readonly number[]) : null;
}
