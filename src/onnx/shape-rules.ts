import { elementType } from "./tensor-proto.ts";
import type { ElementType } from "../tensor.ts";
import { broadcast, multiplyDims, normalizeAxis, reshapeDims } from "./dims.ts";
import type { Dim } from "./graph.ts";
import { type Fact, MAX_RANK, type ShapeContext, type ShapeRule, tensorFact, UNKNOWN } from "./facts.ts";
import { resolveWindow, windowOutput } from "./window.ts";

type Dims = readonly Dim[] | null;

const same: ShapeRule = ({ input }) => ({ type: input(0).type, dims: input(0).dims });

/** Elementwise with broadcasting; integer arithmetic on known elements is carried along. */
const elementwise =
  (type?: ElementType, arithmetic?: (a: number, b: number) => number): ShapeRule =>
  ({ node, input }) => {
    const facts = node.inputs.map((_, i) => input(i));
    const dims = facts.map((f) => f.dims).reduce(broadcast);
    const [a, b] = facts;
    return { type: type ?? a!.type, dims, values: arithmetic && b && combine(a!.values, b.values, arithmetic) };
  };

function combine(a: Fact["values"], b: Fact["values"], f: (a: number, b: number) => number): Fact["values"] {
  if (!a || !b || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return undefined;
  const length = a.length === 0 || b.length === 0 ? 0 : Math.max(a.length, b.length);
  return Array.from({ length }, (_, i) => combineOne(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!, f));
}

/** A name survives only where the arithmetic leaves it alone: n·1, n+0, n/1. */
function combineOne(a: Dim, b: Dim, f: (a: number, b: number) => number): Dim {
  if (typeof a === "number" && typeof b === "number") return f(a, b);
  if (typeof a === "string" && typeof b === "number" && f(2, b) === 2 && f(3, b) === 3) return a;
  if (typeof b === "string" && typeof a === "number" && f(a, 2) === 2 && f(a, 3) === 3) return b;
  return null;
}

/** A named size is never negative, which exporters ask of the shapes given to Expand. */
const equal: ShapeRule = (context) => {
  const [a, b] = [context.input(0).values, context.input(1).values];
  const compare = (p: Dim, q: Dim): Dim => {
    if (p === null || q === null) return null;
    if (p === q) return 1;
    return (typeof p === "number" && (p < 0 || typeof q === "number")) || (typeof q === "number" && q < 0) ? 0 : null;
  };
  const values = a && b && a.length === b.length ? a.map((p, i) => compare(p, b[i]!)) : undefined;
  return { type: "bool", dims: broadcast(context.input(0).dims, context.input(1).dims), values };
};

/** The axes of a reduction or (un)squeeze: an attribute first, an input in newer opsets; null when not known. */
function axesOf({ node, input }: ShapeContext, i = 1): readonly number[] | null | undefined {
  const attribute = node.attributes.ints("axes", undefined);
  if (attribute) return attribute;
  if (!node.inputs[i]) return undefined;
  const values = input(i).values;
  return values?.every((v) => typeof v === "number") ? (values as readonly number[]) : null;
}

const reduce: ShapeRule = (context) => {
  const { node, input } = context;
  const { type, dims } = input(0);
  const axes = axesOf(context);
  if (!dims || axes === null) return { type, dims: null };
  const all = axes === undefined || axes.length === 0;
  if (all && node.attributes.int("noop_with_empty_axes", 0)) return { type, dims };
  const over = new Set(all ? dims.keys() : axes.map((a) => normalizeAxis(a, dims.length)));
  const keep = node.attributes.int("keepdims", 1) === 1;
  return { type, dims: dims.flatMap((d, i) => (over.has(i) ? (keep ? [1] : []) : [d])) };
};

/** Conv and pools: [n, c, ...spatial] with a window. */
const windowed =
  (channels: (context: ShapeContext) => Dim): ShapeRule =>
  (context) => {
    const { node, input } = context;
    const { type, dims } = input(0);
    const kernel = node.attributes.ints("kernel_shape", undefined) ?? input(1).dims?.slice(2);
    if (!dims || !kernel || kernel.some((k) => typeof k !== "number")) return { type, dims: null };
    const window = resolveWindow(node, kernel as readonly number[], dims.slice(2));
    const outputDims = [dims[0]!, channels(context), ...dims.slice(2).map((d, i) => windowOutput(window, d, i))];
    return [
      { type, dims: outputDims },
      { type: "int64", dims: outputDims },
    ];
  };

const matMul: ShapeRule = ({ input }) => {
  const { type, dims: a } = input(0);
  const b = input(1).dims;
  if (!a || !b) return { type, dims: null };
  const batch = broadcast(a.slice(0, -2), b.slice(0, -2))!;
  return { type, dims: [...batch, ...(a.length > 1 ? [a.at(-2)!] : []), ...(b.length > 1 ? [b.at(-1)!] : [])] };
};

const cast: ShapeRule = ({ node, input }) => ({ ...input(0), type: elementType(node.attributes.int("to", 0)) ?? null });

const concat: ShapeRule = ({ node, input }) => {
  const facts = node.inputs.map((_, i) => input(i));
  const type = facts[0]!.type;
  const rank = facts.find((f) => f.dims)?.dims?.length;
  if (rank === undefined) return { type, dims: null };
  const axis = normalizeAxis(node.attributes.int("axis", 1), rank);
  const dims = Array.from({ length: rank }, (_, i): Dim => {
    const sizes = facts.map((f) => f.dims?.[i] ?? null);
    if (i !== axis) return sizes.find((d) => d !== null) ?? null;
    return sizes.every((d) => typeof d === "number") ? sizes.reduce((a, b) => a + b, 0) : null;
  });
  const values = facts.every((f) => f.values) ? facts.flatMap((f) => f.values!) : undefined;
  return { type, dims, values };
};

const reshape: ShapeRule = ({ node, input }) => {
  const from = input(0);
  const to = node.attributes.ints("shape", undefined) ?? input(1).values;
  const rank = input(1).dims?.[0];
  if (!to) return { type: from.type, dims: typeof rank === "number" && rank <= MAX_RANK ? new Array<Dim>(rank).fill(null) : null };
  return {
    type: from.type,
    dims: reshapeDims(from.dims, to, node.attributes.int("allowzero", 0) === 1),
    values: from.values,
  };
};

const unsqueeze: ShapeRule = (context) => {
  const { type, dims, values } = context.input(0);
  const axes = axesOf(context);
  if (!dims || !axes) return { type, dims: null, values };
  const at = new Set(axes.map((a) => normalizeAxis(a, dims.length + axes.length)));
  const rest = [...dims];
  return {
    type,
    dims: Array.from({ length: dims.length + at.size }, (_, i) => (at.has(i) ? 1 : rest.shift()!)),
    values,
  };
};

const squeeze: ShapeRule = (context) => {
  const { type, dims, values } = context.input(0);
  const axes = axesOf(context);
  if (!dims || axes === null) return { type, dims: null, values };
  const at = axes && new Set(axes.map((a) => normalizeAxis(a, dims.length)));
  if (!at && dims.some((d) => typeof d !== "number")) return { type, dims: null, values };
  return { type, dims: dims.filter((d, i) => (at ? !at.has(i) : d !== 1)), values };
};

const gather: ShapeRule = ({ node, input }) => {
  const { type, dims, values } = input(0);
  const indices = input(1);
  if (!dims || !indices.dims) return { type, dims: null };
  const axis = normalizeAxis(node.attributes.int("axis", 0), dims.length);
  const picked =
    dims.length === 1 && values && indices.values?.every((i) => typeof i === "number")
      ? indices.values.map((i) => values[normalizeAxis(i as number, values.length)] ?? null)
      : undefined;
  return { type, dims: [...dims.slice(0, axis), ...indices.dims, ...dims.slice(axis + 1)], values: picked };
};

const slice: ShapeRule = ({ node, input }) => {
  const { type, dims, values } = input(0);
  const list = (name: string, i: number) =>
    node.attributes.ints(name, undefined) ?? (node.inputs[i] ? input(i).values : undefined);
  const starts = list("starts", 1);
  const ends = list("ends", 2);
  if (!dims) return { type, dims: null };
  const axes = list("axes", 3) ?? starts?.map((_, i) => i);
  const steps = list("steps", 4) ?? starts?.map(() => 1);
  if (!starts || !ends || !axes || !steps) return { type, dims: dims.map(() => null) };
  const result = [...dims];
  let kept = values;
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis as number, dims.length);
    const size = dims[a]!;
    const range = sliceRange(size, starts[i]!, ends[i]!, steps[i]!);
    result[a] = range?.count ?? null;
    // The whole of a named size keeps its name.
    if (
      typeof size === "string" &&
      starts[i] === 0 &&
      steps[i] === 1 &&
      typeof ends[i] === "number" &&
      ends[i] >= 2 ** 31 - 1
    )
      result[a] = size;
    kept = range && kept && dims.length === 1 ? takeRange(kept, range) : undefined;
  });
  return { type, dims: result, values: kept };
};

interface Range {
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

const takeRange = (values: readonly Dim[], { from, step, count }: Range): readonly Dim[] =>
  Array.from({ length: Math.min(count, values.length) }, (_, i) => values[from + i * step] ?? null);

/** The indices that a slice takes; undefined when a bound or the size is not known, or the step is 0. */
function sliceRange(size: Dim, start: Dim, end: Dim, step: Dim): Range | undefined {
  if (typeof size !== "number" || typeof start !== "number" || typeof end !== "number" || typeof step !== "number")
    return undefined;
  if (step === 0) return undefined;
  const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v < 0 ? v + size : v, low), high);
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return { from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

const expand: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  return { type, dims: broadcast(dims, input(1).values ?? null) };
};

const pad: ShapeRule = (context) => {
  const { node, input } = context;
  const { type, dims } = input(0);
  const pads = node.attributes.ints("pads", undefined) ?? input(1).values;
  const axes = axesOf(context, 3);
  if (!dims || !pads || axes === null) return { type, dims: dims && dims.map(() => null) };
  const at = axes?.map((a) => normalizeAxis(a, dims.length)) ?? [...dims.keys()];
  const add = (d: Dim, before: Dim, after: Dim): Dim =>
    before === 0 && after === 0
      ? d
      : typeof d === "number" && typeof before === "number" && typeof after === "number"
        ? d + before + after
        : null;
  const padded = [...dims];
  at.forEach((a, i) => {
    padded[a] = add(dims[a] ?? null, pads[i] ?? null, pads[i + at.length] ?? null);
  });
  return { type, dims: padded };
};

const flatten: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  if (!dims) return { type, dims: [null, null] };
  const axis = normalizeAxis(node.attributes.int("axis", 1), dims.length);
  return { type, dims: [multiplyDims(dims.slice(0, axis)), multiplyDims(dims.slice(axis))] };
};

const gemm: ShapeRule = ({ node, input }) => {
  const { type, dims: a } = input(0);
  const b = input(1).dims;
  if (!a || !b) return { type, dims: [null, null] };
  return { type, dims: [a[node.attributes.int("transA", 0)]!, b[1 - node.attributes.int("transB", 0)]!] };
};

const transpose: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  if (!dims) return { type, dims };
  const perm = node.attributes.ints("perm", undefined) ?? dims.map((_, i) => dims.length - 1 - i);
  return { type, dims: perm.map((p) => dims[p]!) };
};

const globalPool: ShapeRule = ({ input }) => ({
  type: input(0).type,
  dims: input(0).dims && input(0).dims!.map((d, i) => (i < 2 ? d : 1)),
});

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
  return { type, dims, values: small && fill !== undefined ? new Array<Dim>(dims[0] as number).fill(fill) : undefined };
};

const where: ShapeRule = ({ input }) => {
  const [condition, a, b] = [input(0), input(1), input(2)];
  const dims = broadcast(condition.dims, broadcast(a.dims, b.dims));
  const sameLength = condition.values && condition.values.length === a.values?.length && a.values.length === b.values?.length;
  const values = sameLength ? condition.values.map((v, i) => (v === null ? null : v ? a.values![i]! : b.values![i]!)) : undefined;
  return { type: a.type, dims, values };
};

const convTranspose: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const weights = input(1).dims;
  if (!dims || !weights) return { type, dims: null };
  const { attributes } = node;
  const rank = dims.length - 2;
  const given = attributes.ints("output_shape", undefined);
  const one = new Array<number>(rank).fill(1);
  const zero = new Array<number>(2 * rank).fill(0);
  const [strides, dilations] = [attributes.ints("strides", one), attributes.ints("dilations", one)];
  const [pads, extra] = [attributes.ints("pads", zero), attributes.ints("output_padding", zero)];
  const size = (d: Dim, i: number): Dim => {
    const kernel = weights[i + 2]!;
    if (given) return given[i]!;
    if (typeof d !== "number" || typeof kernel !== "number") return null;
    return strides[i]! * (d - 1) + extra[i]! + (kernel - 1) * dilations[i]! + 1 - pads[i]! - pads[i + rank]!;
  };
  const channels = weights[1]!;
  const groups = attributes.int("group", 1);
  return {
    type,
    dims: [dims[0]!, typeof channels === "number" ? channels * groups : null, ...dims.slice(2).map(size)],
  };
};

/** Output 0 has the shape that input i spells out. */
const shapeFrom =
  (i: number): ShapeRule =>
  ({ input }) => ({ type: input(0).type, dims: input(i).values ?? null });

const resize: ShapeRule = ({ input }) => {
  const { type, dims } = input(0);
  return { type, dims: input(3).values ?? (dims && dims.map(() => null)) };
};

const typedLike =
  (type: ElementType): ShapeRule =>
  ({ input }) => ({ type, dims: input(0).dims });
const unary = ["Abs", "Acos", "Asin", "Atan", "Ceil", "Celu", "Clip", "Cos", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
  "Identity", "LeakyRelu", "Log", "LogSoftmax", "LRN", "Mish", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin",
  "Softmax", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "InstanceNormalization", "Trilu",
  "CumSum", "ScatterElements", "ScatterND"]; // biome-ignore format: a list

/** How each operator's output shapes follow from its inputs. Operators without an entry give unknown shapes. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(unary.map((op) => [op, same])),
  ...Object.fromEntries(
    [
      "ReduceSum",
      "ReduceMean",
      "ReduceMax",
      "ReduceMin",
      "ReduceProd",
      "ReduceL1",
      "ReduceL2",
      "ReduceLogSumExp",
      "ReduceSumSquare",
    ].map((op) => [op, reduce]),
  ),
  ...Object.fromEntries(
    ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor"].map((op) => [
      op,
      elementwise("bool"),
    ]),
  ),
  Identity: ({ input }) => input(0),
  Not: same,
  IsNaN: typedLike("bool"),
  Add: elementwise(undefined, (a, b) => a + b),
  Sub: elementwise(undefined, (a, b) => a - b),
  Mul: elementwise(undefined, (a, b) => a * b),
  Div: elementwise(undefined, (a, b) => Math.trunc(a / b)),
  Equal: equal,
  Pow: elementwise(),
  PRelu: elementwise(),
  Max: elementwise(),
  Min: elementwise(),
  Mean: elementwise(),
  Sum: elementwise(),
  Conv: windowed(({ input }) => input(1).dims?.[0] ?? null),
  MaxPool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  AveragePool: windowed(({ input }) => input(0).dims?.[1] ?? null),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  BatchNormalization: same,
  Dropout: ({ input }) => [
    { type: input(0).type, dims: input(0).dims },
    { type: "bool", dims: input(0).dims },
  ],
  Gemm: gemm,
  MatMul: matMul,
  Cast: cast,
  Concat: concat,
  Reshape: reshape,
  Flatten: flatten,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Gather: gather,
  GatherElements: ({ input }) => ({ type: input(0).type, dims: input(1).dims }),
  Slice: slice,
  Expand: expand,
  Pad: pad,
  Where: where,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Size: () => ({ type: "int64", dims: [] }),
  ConvTranspose: convTranspose,
  MaxUnpool: shapeFrom(2),
  Resize: resize,
};
