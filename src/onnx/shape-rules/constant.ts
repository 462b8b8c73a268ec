import { multiplyDims } from "../dims.ts";
import { isIntegral, type ShapeRule, SMALL, tensorFact, UNKNOWN } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { elementType } from "../tensor-proto.ts";

type Dims = readonly Dim[] | null;

const constant: ShapeRule = ({ node: { attributes } }) => {
  const proto = attributes.protos.find((a) => a.name === "value")?.t;
  // Of 4 bits an element, or floats of 8: only the runtime reads those.
  if (proto && !elementType(proto.dataType)) return { type: null, dims: proto.dims.map(Number) };
  const t = attributes.tensor("value");
  if (t) return tensorFact(t);
  if (attributes.has("value_int")) return { type: "int64", dims: [], values: [attributes.int("value_int", 0)] };
  const ints = attributes.ints("value_ints", undefined);
  if (ints) return { type: "int64", dims: [ints.length], values: ints };
  const floats = attributes.floats("value_floats", undefined);
  if (floats) return { type: "float32", dims: [floats.length], floats };
  return attributes.has("value_float")
    ? { type: "float32", dims: [], floats: [attributes.float("value_float", 0)] }
    : UNKNOWN;
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
  const fill = value && isIntegral(type) ? Number(value.data[0]) : undefined;
  const small = dims?.length === 1 && typeof dims[0] === "number" && dims[0] <= 256;
  return {
    type,
    dims,
    values: small && fill !== undefined ? Array.from({ length: dims[0] as number }, () => fill) : undefined,
  };
};

/** Of integers; one from 0 in steps of 1 is as long as its limit, which may have a name. */
const range: ShapeRule = ({ input }) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => input(i).values?.[0] ?? null);
  const { type } = input(0);
  if (start === 0 && delta === 1 && typeof limit === "string") return { type, dims: [limit] };
  if (typeof start !== "number" || typeof limit !== "number" || !delta || typeof delta !== "number")
    return { type, dims: [null] };
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  const values = count <= SMALL ? Array.from({ length: count }, (_, i) => start + i * delta) : undefined;
  return { type, dims: [count], values };
};

/** Constants, and the shapes that a graph computes with. */
export const constantShapes: Readonly<Record<string, ShapeRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  Shape: shape,
  Size: ({ input }) => ({
    type: "int64",
    dims: [],
    values: input(0).dims ? [multiplyDims(input(0).dims!)] : undefined,
  }),
};
