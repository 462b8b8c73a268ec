import { type Made, notChecked, type Operator, type OperatorContext, operand } from "./operator.ts";

/** Two roundings to float32. */
const TWICE = 2 ** -23;

const leaky =
  (leak: (context: OperatorContext) => number): Operator =>
  (context) => {
    const by = leak(context);
    // Beyond these the function no longer bends up at 0 with the steeper piece above.
    if (!(by >= 0 && by <= 1)) throw notChecked(context.node, `it with a slope of ${by}`);
    return {
      kind: "curve",
      dims: context.dims(0),
      from: operand(context, 0),
      f: (z) => (z < 0 ? by * z : z),
      kinks: [0],
      leak: by,
      relative: by === 0 ? 0 : TWICE,
    };
  };

/** Between two constants: ReLU6 among others. */
const clip: Operator = (context): Made => {
  const { node } = context;
  const end = (i: 1 | 2, name: string, without: number): number => {
    if (!node.inputs[i]) return Math.fround(node.attributes.float(name, without));
    return context.constant(i).data[0]!;
  };
  const [least, most] = [end(1, "min", Number.NEGATIVE_INFINITY), end(2, "max", Number.POSITIVE_INFINITY)];
  if (!(least <= most)) throw notChecked(node, "it with ends that cross");
  return {
    kind: "curve",
    dims: context.dims(0),
    from: operand(context, 0),
    f: (z) => Math.min(Math.max(z, least), most),
    kinks: [least, most],
    relative: 0,
  };
};

export const curveOperators: Readonly<Record<string, Operator>> = {
  Relu: leaky(() => 0),
  LeakyRelu: leaky(({ node }) => Math.fround(node.attributes.float("alpha", 0.01))),
  Abs: (context) => ({
    kind: "curve",
    dims: context.dims(0),
    from: operand(context, 0),
    f: Math.abs,
    kinks: [0],
    relative: 0,
  }),
  Clip: clip,
};
