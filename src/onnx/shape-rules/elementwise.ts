import type { ElementType } from "../../tensor.ts";
import { broadcast, divideDims, multiplyDims, normalizeAxis } from "../dims.ts";
import { type Fact, isIntegral, type ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";
import { elementType } from "../tensor-proto.ts";
import { spread } from "./elements.ts";

const same: ShapeRule = ({ input }) => ({ type: input(0).type, dims: input(0).dims });

/** Elementwise with broadcasting; arithmetic on known elements is carried along. */
const elementwise =
  (type?: ElementType, arithmetic?: (a: number, b: number) => number): ShapeRule =>
  ({ node, input }) => {
    const facts = node.inputs.map((_, i) => input(i));
    const dims = facts.map((f) => f.dims).reduce(broadcast);
    const [a, b] = facts;
    const values = arithmetic && facts.length === 2 ? combine(a!, b!, dims, arithmetic) : undefined;
    return { type: type ?? a!.type, dims, values };
  };

const times = (a: number, b: number): number => a * b;
const dividedBy = (a: number, b: number): number => Math.trunc(a / b);

function combine(a: Fact, b: Fact, dims: Fact["dims"], f: (a: number, b: number) => number): Fact["values"] {
  const [left, right] = [spread(a, dims), spread(b, dims)];
  if (!left || !right) return undefined;
  const round = a.type === "float32" ? Math.fround : (v: number) => v;
  return left.map((p, i) => {
    const value = combineOne(p, right[i]!, f);
    return typeof value === "number" ? round(value) : value;
  });
}

/** A name survives products, exact quotients, and arithmetic that leaves it alone, such as n+0. */
function combineOne(a: Dim, b: Dim, f: (a: number, b: number) => number): Dim {
  if (typeof a === "number" && typeof b === "number") return f(a, b);
  if (f === times) return multiplyDims([a, b]);
  if (f === dividedBy) return divideDims([a], [b]);
  if (typeof a === "string" && typeof b === "number" && f(2, b) === 2 && f(3, b) === 3) return a;
  if (typeof b === "string" && typeof a === "number" && f(a, 2) === 2 && f(a, 3) === 3) return b;
  return null;
}

/** The remainder takes the sign of the divisor, or with `fmod` that of the dividend. */
const remainder =
  (fmod: boolean) =>
  (a: number, b: number): number =>
    fmod ? a % b : ((a % b) + b) % b;

/** A named size is never negative, which exporters ask of the shapes given to Expand. */
const equal: ShapeRule = (context) => {
  const [first, second] = [context.input(0), context.input(1)];
  const dims = broadcast(first.dims, second.dims);
  const [a, b] = [spread(first, dims), spread(second, dims)];
  const compare = (p: Dim, q: Dim): Dim => {
    if (p === null || q === null) return null;
    if (p === q) return 1;
    return (typeof p === "number" && (p < 0 || typeof q === "number")) || (typeof q === "number" && q < 0) ? 0 : null;
  };
  return { type: "bool", dims, values: a && b && a.map((p, i) => compare(p, b[i]!)) };
};

const where: ShapeRule = ({ input }) => {
  const [condition, a, b] = [input(0), input(1), input(2)];
  const dims = broadcast(condition.dims, broadcast(a.dims, b.dims));
  const [chosen, yes, no] = [condition, a, b].map((fact) => spread(fact, dims));
  const values = yes && no && chosen?.map((v, i) => (v === null ? null : v ? yes[i]! : no[i]!));
  return { type: a.type, dims, values };
};

const cast: ShapeRule = ({ node, input }) => {
  const type = elementType(node.attributes.int("to", 0)) ?? null;
  const { dims, values } = input(0);
  if (type !== "bool" && !isIntegral(type)) return { type, dims, values };
  const convert = type === "bool" ? (v: number) => Number(v !== 0) : Math.trunc;
  return { type, dims, values: values?.map((v) => (typeof v === "number" ? convert(v) : type === "bool" ? null : v)) };
};

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
  And: (a, b) => a !== 0 && b !== 0,
  Or: (a, b) => a !== 0 || b !== 0,
  Xor: (a, b) => (a !== 0) !== (b !== 0),
};

const not: ShapeRule = ({ input }) => {
  const { type, dims, values } = input(0);
  return { type, dims, values: values?.map((v) => (typeof v === "number" ? Number(v === 0) : null)) };
};

/** Integers are cut off towards zero. */
const divide: ShapeRule = (context) =>
  elementwise(undefined, isIntegral(context.input(0).type) ? dividedBy : (a, b) => a / b)(context);

/** Of known elements too. */
const rounded =
  (round: (v: number) => number): ShapeRule =>
  ({ input }) => {
    const { type, dims, values, floats } = input(0);
    return { type, dims, values: (values ?? floats)?.map((v) => (typeof v === "number" ? round(v) : null)) };
  };

/** Between bounds, which are attributes or inputs. */
const clip: ShapeRule = (context) => {
  const { node, input } = context;
  const bound = (name: string, i: number, none: number): number | undefined => {
    const given = node.attributes.float(name, undefined);
    if (given !== undefined || !node.inputs[i]) return given ?? none;
    const known = (input(i).values ?? input(i).floats)?.[0];
    return typeof known === "number" ? known : undefined;
  };
  const [low, high] = [bound("min", 1, Number.NEGATIVE_INFINITY), bound("max", 2, Number.POSITIVE_INFINITY)];
  if (low === undefined || high === undefined) return same(context);
  return rounded((v) => Math.min(Math.max(v, low), high))(context);
};

const typedLike =
  (type: ElementType): ShapeRule =>
  ({ input }) => ({ type, dims: input(0).dims });

const unary = ["Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid", "HardSwish",
  "Identity", "LeakyRelu", "Log", "LogSoftmax", "LRN", "Mish", "Swish", "RotaryEmbedding", "Neg", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Shrink", "Sign", "Sin", "Sinh",
  "Softmax", "Softplus", "Softsign", "Sqrt", "Tan", "Tanh", "ThresholdedRelu", "GroupNormalization", "InstanceNormalization", "LpNormalization", "MeanVarianceNormalization", "RMSNormalization", "Trilu",
  "CumSum", "ScatterElements", "ScatterND", "TensorScatter"]; // biome-ignore format: a list

/** With the mean and the inverse deviation, which keep the axes before `axis`. */
const layerNormalization: ShapeRule = ({ node, input }) => {
  const { type, dims } = input(0);
  const axis = dims && normalizeAxis(node.attributes.int("axis", -1), dims.length);
  const statistic: Fact = { type: "float32", dims: dims?.map((d, i) => (i < axis! ? d : 1)) ?? null };
  return [{ type, dims }, statistic, statistic];
};

/** Operators that work on each element, with broadcasting. */
export const elementwiseShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(unary.map((op) => [op, same])),
  ...Object.fromEntries(
    Object.entries(comparisons).map(([op, compare]) => [op, elementwise("bool", (a, b) => Number(compare(a, b)))]),
  ),
  Identity: ({ input }) => input(0),
  Ceil: rounded(Math.ceil),
  Floor: rounded(Math.floor),
  Clip: clip,
  Not: not,
  IsNaN: typedLike("bool"),
  Add: elementwise(undefined, (a, b) => a + b),
  Sub: elementwise(undefined, (a, b) => a - b),
  Mul: elementwise(undefined, times),
  Div: divide,
  Mod: (context) => elementwise(undefined, remainder(context.node.attributes.int("fmod", 0) === 1))(context),
  Equal: equal,
  Pow: elementwise(),
  PRelu: elementwise(),
  Max: elementwise(),
  Min: elementwise(),
  Mean: elementwise(),
  Sum: elementwise(),
  BatchNormalization: same,
  LayerNormalization: layerNormalization,
  Dropout: ({ input }) => [
    { type: input(0).type, dims: input(0).dims },
    { type: "bool", dims: input(0).dims },
  ],
  Cast: cast,
  CastLike: ({ input }) => ({ ...input(0), type: input(1).type }),
  Where: where,
};
