import type { RuleContext, Rules } from "../rule.ts";
import { unsupported } from "./constants.ts";
import { asTypeOf } from "./selection.ts";

/** The two ways between a tensor and its elements at the places of a scatter. */
interface Places {
  /** The elements of `a` at the places. */
  readonly gather: (a: string) => string;
  /** `a` with what stands at the places combined with `updates`. */
  readonly scatter: (a: string, updates: string, reduction?: string) => string;
}

type PartialGradient = (context: RuleContext, places: Places) => (string | null)[];

/** What was overwritten gets nothing. The standard allows no place twice. */
const replaced: PartialGradient = ({ x: [, , updates], g, b, wants }, { gather, scatter }) => [
  wants(0) ? scatter(g, b.full(0, updates!)) : null,
  null,
  wants(2) ? gather(g) : null,
];

const added: PartialGradient = ({ g, wants }, { gather }) => [g, null, wants(2) ? gather(g) : null];

/** The product of all factors but one, which is right where factors are 0: by those that are not, and a count of zeros. */
const multiplied: PartialGradient = ({ x: [data, , updates], g, b, wants }, { gather, scatter }) => {
  const byData = () => b.mul(g, scatter(b.full(1, data!), updates!, "mul"));
  const byUpdates = () => {
    const isZero = b.equal(updates!, b.scalar(0, updates!));
    const factors = b.where(isZero, b.scalar(1, updates!), updates!);
    const zeros = asTypeOf(b, isZero, g);
    const otherZeros = b.sub(gather(scatter(b.full(0, data!), zeros, "add")), zeros);
    const others = b.div(gather(b.mul(g, scatter(data!, factors, "mul"))), factors);
    return b.where(b.equal(otherZeros, b.scalar(0, otherZeros)), others, b.scalar(0, g));
  };
  return [wants(0) ? byData() : null, null, wants(2) ? byUpdates() : null];
};

/** Equal shares among the elements that are the extreme, as torch.scatter_reduce. */
const extreme: PartialGradient = ({ x: [data, , updates], y, g, b, wants }, { gather, scatter }) => {
  const isData = asTypeOf(b, b.equal(data!, y), g);
  const isUpdate = asTypeOf(b, b.equal(updates!, gather(y)), g);
  const share = b.div(g, scatter(isData, isUpdate, "add"));
  return [wants(0) ? b.mul(isData, share) : null, null, wants(2) ? b.mul(isUpdate, gather(share)) : null];
};

const byReduction: Readonly<Record<string, PartialGradient>> = {
  none: replaced,
  add: added,
  mul: multiplied,
  max: extreme,
  min: extreme,
};

function scatterGradient(context: RuleContext): (string | null)[] {
  const { node, x, b } = context;
  const indices = x[1]!;
  const alongAxis = node.op !== "ScatterND";
  const attributes = alongAxis ? { axis: node.attributes.int("axis", 0) } : {};
  const reduction = node.attributes.string("reduction", "none");
  const gradient = Object.hasOwn(byReduction, reduction) ? byReduction[reduction] : undefined;
  if (!gradient) throw unsupported(node, `reduction "${reduction}"`);
  return gradient(context, {
    gather: (a) => b.add(alongAxis ? "GatherElements" : "GatherND", [a, indices], attributes),
    scatter: (a, updates, how) =>
      b.add(node.op, [a, indices, updates], { ...attributes, ...(how && { reduction: how }) }),
  });
}

/** What is written into a value by indices. */
export const scatterRules = {
  Scatter: scatterGradient,
  ScatterElements: scatterGradient,
  ScatterND: scatterGradient,
} satisfies Rules;
