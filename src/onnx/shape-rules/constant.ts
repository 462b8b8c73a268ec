import { type ShapeRule, tensorFact, UNKNOWN } from "../facts.ts";
import type { Dim } from "../graph.ts";

type Dims = readonly Dim[] | null;

const constant: ShapeRule = ({ node: { attributes } }) => {
  const t = attributes.tensor("value");
  if (t) return tensorFact(t);
  if (attributes.has("value_int")) return { type: "int64", dims: [], values: [attributes.int("value_int", 0)] };
  const ints = attributes.ints("value_ints", undefined);
  if (ints) return { type: "int64", dims: [ints.length], values: ints };
  return attributes.has("value_float") ? { type: "float32", dims: [] } : UNKNOWN;
};

const shape: ShapeRule = ({ node, input }) => {
  const dims: Dims = input(0).dims;
  if (!dims) return { type: "int64", dims: [null] };
  const part = dims.slice(node.attributes.int("start", 0), node.attributes.int("end", dims.length));
  return { type: "int64", dims: [part.length], values: part };
};

const constantOfShape: ShapeRule = ({ node, input }) => {
  const value = node.attributes.tensor("value");
  const dims = input(0).values ?? null;
  const type = value?.type ?? "float32";
  const fill = value && type !== "float32" ? Number(value.data[0]) : undefined;
  const small = dims?.length === 1 && typeof dims[0] === "number" && dims[0] <= 256;
  return {
    type,
    dims,
    values: small && fill !== undefined ? Array.from({ length: dims[0] as number }, () => fill) : undefined,
  };
};

/** Constants, and the shapes that a graph computes with. */
export const constantShapes: Readonly<Record<string, ShapeRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Size: () => ({ type: "int64", dims: [] }),
};
