import { PerturbError } from "../../errors.ts";
import { isFloat } from "../../onnx/facts.ts";
import { describeNode } from "../../onnx/graph.ts";
import { again } from "../linear.ts";
import type { Enclosure, Interval, Line, Relaxation, RelaxationContext, Relaxations } from "../relaxation.ts";
import { f64, larger, smaller } from "./curve.ts";
import { levelLines } from "./level.ts";

type End = "lower" | "upper";
const other = (end: End): End => (end === "lower" ? "upper" : "lower");

/** A truth value that may change: its lower end is whether it is true for all x of the box, its upper end whether it may be. */
const truth = (ends: (context: RelaxationContext, end: End) => string): Relaxation => ({
  operands: "all",
  isOpen: () => true,
  interval: (context) => ({ lower: ends(context, "lower"), upper: ends(context, "upper") }),
  lines: ({ node }) => {
    throw new PerturbError("internal", `${describeNode(node)} has no lines. Report this.`);
  },
});

/** Of numbers: true for the ends that are worst for it, or best. */
const compared = (isLess: boolean): Relaxation =>
  truth((context, end) => {
    const [left, right] = isLess ? [other(end), end] : [end, other(end)];
    return again(context, [context.x[0]![left], context.x[1]![right]]);
  });

const monotone = truth((context, end) =>
  again(
    context,
    context.x.map((value) => value[end]),
  ),
);

/** What is chosen where a condition decides, and else all that either branch may be. */
function chosen({ b, x }: RelaxationContext): Interval {
  const [condition, yes, no] = x as readonly [Enclosure, Enclosure, Enclosure];
  const either = (end: End): string => {
    const hull = (end === "lower" ? smaller : larger)(b, yes[end], no[end]);
    return b.where(condition.lower, yes[end], b.where(condition.upper, hull, no[end]));
  };
  return { lower: either("lower"), upper: either("upper") };
}

export const conditionRelaxations = {
  Less: compared(true),
  LessOrEqual: compared(true),
  Greater: compared(false),
  GreaterOrEqual: compared(false),
  And: monotone,
  Or: monotone,
  Not: truth((context, end) => again(context, [context.x[0]![other(end)]])),
  Where: {
    operands: "all",
    isOpen: (_, lower, upper) => lower < upper,
    interval: chosen,
    lines: (context) => {
      const { b, x, y } = context;
      const [condition] = x as readonly [Enclosure];
      const one = b.full(1, y);
      const zero = b.full(0, y);
      const never = b.add("Not", [condition.upper]);
      const [yes, no] = [b.where(condition.lower, one, zero), b.where(never, one, zero)];
      const ends = chosen(context);
      const line = (end: End): Line => {
        const at = b.where(condition.lower, x[1]!.centre, b.where(never, x[2]!.centre, ends[end]));
        return { gap: b.sub(f64(b, at), f64(b, y)), slopes: [zero, yes, no] };
      };
      return { lower: line("lower"), upper: line("upper") };
    },
  },
  // Of truth values; numbers that become whole ones have no bounds.
  Cast: {
    isOpen: () => true,
    interval: (context) => {
      const { node, b, x } = context;
      if (b.fact(x[0]!.lower).type !== "bool" || !isFloat(b.fact(node.outputs[0]!).type))
        throw new PerturbError(
          "unsupported",
          `${describeNode(node)}: no bounds are known for what becomes a whole number, so that nothing can be proven of this model.`,
          { data: { op: node.op } },
        );
      return { lower: again(context, [x[0]!.lower]), upper: again(context, [x[0]!.upper]) };
    },
    lines: (context) => {
      const { x } = context;
      return levelLines(context, { lower: again(context, [x[0]!.lower]), upper: again(context, [x[0]!.upper]) });
    },
  },
} satisfies Relaxations;
