import { product } from "../tensor.ts";
import type { LinearContext, LinearOperator } from "./linear-operator.ts";

/** How many elements of the output an element of a broadcast input goes to: the terms of the sum on the way back. */
export function spread({ node, b, x }: LinearContext): number {
  const rank = (name: string) => b.dims(name).slice(1);
  const out = rank(node.outputs[0]!);
  return Math.max(
    ...x.map((name) => {
      const own = b.dims(name);
      const shared = out.map((d, i) => [d, own[own.length - out.length + i] ?? 1] as const);
      return shared.reduce((n, [d, of]) => n * (of === 1 && typeof d === "number" ? d : 1), 1);
    }),
  );
}

/** Values at other places, each in one at most. */
const moved = (operands: LinearOperator["operands"] = [0]): LinearOperator => ({ operands, ends: "monotone" });

/** Values of which each may stand in several places of the output: what comes back from these is added up. */
const repeated = (times: (context: LinearContext) => number, others: Partial<LinearOperator> = {}): LinearOperator => ({
  operands: [0],
  ends: "monotone",
  terms: (context) => ({ forwards: 0, backwards: 2 + times(context) }),
  ...others,
});

/** The output at most: of a gather, whose indices may all be the same. */
const all = ({ node, b }: LinearContext): number => product(b.sizes(node.outputs[0]!, 1));

/** How often the commonest of the indices is there, where they are known. */
function gathered(context: LinearContext): number {
  const { b, x } = context;
  const indices = b.fact(x[1]!).values;
  if (!indices?.every((i) => typeof i === "number")) return all(context);
  const counts = new Map<number, number>();
  for (const i of indices) counts.set(i, (counts.get(i) ?? 0) + 1);
  return Math.max(1, ...counts.values());
}

/** Values written over others, and not added to them, in each sample: the places have the same first axis. */
const written: LinearOperator = {
  operands: [0, 2],
  ends: "monotone",
  isLinear: ({ node, b, x }) =>
    node.attributes.string("reduction", "none") === "none" && b.dims(x[1]!)[0] === b.dims(x[0]!)[0],
};

/**
 * Weights that are not negative and add up to 1. Kernel and gradient each make them from coordinates in float32, which are off by some units
 * of the size of an axis.
 */
const resized: LinearOperator = {
  operands: [0],
  ends: "monotone",
  isLinear: ({ node }) =>
    node.attributes.string("mode", "nearest") !== "cubic" && node.attributes.int("antialias", 0) === 0,
  terms: ({ node, b, x }) => {
    const sizes = [x[0]!, node.outputs[0]!].flatMap((name) => b.sizes(name, 1));
    const [from, to] = [product(b.sizes(x[0]!, 1)), product(b.sizes(node.outputs[0]!, 1))];
    const coordinates = 16 * Math.max(...sizes);
    return { forwards: 64, backwards: 64 + coordinates + 4 * Math.ceil(to / Math.max(1, from)) };
  },
};

const typesOf = ({ node, b, x }: LinearContext) => [x[0]!, node.outputs[0]!].map((name) => b.fact(name).type);

/** Operators that only move values, repeat them, or choose among them. */
export const movingOperators = {
  Identity: moved(),
  Reshape: moved(),
  Flatten: moved(),
  Squeeze: moved(),
  Unsqueeze: moved(),
  Transpose: moved(),
  Slice: moved(),
  Split: moved(),
  Gather: repeated(gathered),
  GatherElements: repeated(all),
  GatherND: repeated(all),
  DepthToSpace: moved(),
  SpaceToDepth: moved(),
  Concat: moved("all"),
  // With zeros, or what stands at the border; `wrap` repeats.
  Pad: repeated(({ node, b, x }) =>
    node.attributes.string("mode", "constant") === "constant" ? 1 : all({ node, b, x, isConstant: () => false }),
  ),
  Dropout: moved(),
  Trilu: moved(),
  ReverseSequence: moved(),
  CenterCropPad: moved(),
  Expand: repeated(spread),
  Tile: repeated((context) => Math.ceil(all(context) / Math.max(1, product(context.b.sizes(context.x[0]!, 1))))),
  // Between numbers that are not fewer than those of float32.
  Cast: {
    ...moved(),
    isLinear: (context) => typesOf(context).every((type) => type === "float32" || type === "float64"),
    terms: (context) => ({ forwards: new Set(typesOf(context)).size - 1, backwards: 1 }),
  },
  // By a condition that is the same for all x.
  Where: repeated(spread, { operands: [1, 2] }),
  ScatterND: written,
  ScatterElements: written,
  Resize: resized,
  Upsample: resized,
} satisfies Readonly<Record<string, LinearOperator>>;
