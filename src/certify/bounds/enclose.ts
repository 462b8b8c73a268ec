import {
  again,
  againMany,
  type LinearContext,
  type LinearOperator,
  linearIn,
  linearOperators,
  withOperands,
} from "../../autodiff/linear.ts";
import type { Enclosure, Interval, Relaxation, Relaxations } from "../../autodiff/relaxation.ts";
import { relaxations } from "../../autodiff/relaxations.ts";
import { PerturbError } from "../../errors.ts";
import { isFloat } from "../../onnx/facts.ts";
import { describeNode, type Node, valuesRead } from "../../onnx/graph.ts";
import { guarded } from "../../onnx/guarded.ts";
import type { Ops } from "../../onnx/ops.ts";
import { isRestless } from "../../onnx/restless.ts";
import { gamma, inDouble, type Rounding, roundingOf } from "./rounding.ts";
import { checkSamples, isMisaligned, isOverSamples } from "./samples.ts";

/** What is known of each value of a graph over a box, for every sample; nodes by their first output. */
export interface Enclosed {
  /** Of every value that changes over the box. */
  readonly values: ReadonlyMap<string, Enclosure>;
  /** Of a linear node: how far float32 can be off at most. Absent where it only moves values. */
  readonly roundings: ReadonlyMap<string, Rounding>;
  /** Of every node that is not linear. */
  readonly relaxed: ReadonlyMap<string, Relaxed>;
}

export interface Relaxed {
  readonly node: Node;
  readonly relaxation: Relaxation;
  readonly x: readonly Enclosure[];
  readonly y: string;
}

/** Where the ends of a value that a nonlinear node reads were found to be, by other means. */
export type Refine = (value: string, ends: Interval) => Interval;

/**
 * What the bounds hold for: the network as float32 computes it, in any order of summation, or the one over the real numbers, as far as its bounds
 * can be computed in float32. Only the first proves anything of a file.
 */
export type Arithmetic = "float32" | "real";

export interface EncloseOptions {
  /** Inputs of the graph, each with the box around every sample. */
  readonly boxes: ReadonlyMap<string, Enclosure>;
  readonly refine: Refine;
  readonly arithmetic: Arithmetic;
  /** Inputs that do not change over the box, by what they are for the samples. */
  readonly constants?: ReadonlyMap<string, string>;
}

/**
 * Appends to a graph what is known of each of its values over a box, from the input to `of`: the value at the centre, and both ends (interval
 * bound propagation: Gowal et al. 2018, https://arxiv.org/abs/1810.12715, §3), widened by all that float32 can round, in these nodes
 * and in the network itself, in any order of summation (γ of Higham 2002, §3.1).
 * @throws unsupported for an operator without bounds, by the names of all of them
 */
export function enclose(
  b: Ops,
  nodes: readonly Node[],
  { boxes, refine, arithmetic, constants = new Map() }: EncloseOptions,
): Enclosed {
  const values = new Map(boxes);
  const samples = b.dims([...boxes.values()][0]!.centre)[0]!;
  /** Values that depend on shapes alone, and other constants, with what they are for the samples. */
  const shapes = new Map<string, string>(constants);
  const roundings = new Map<string, Rounding>();
  const relaxed = new Map<string, Relaxed>();
  const refined = new Set<string>();

  const refineOnce = (name: string): void => {
    const known = values.get(name);
    if (!known || refined.has(name) || !isFloat(b.fact(name).type)) return;
    refined.add(name);
    const { lower, upper } = refine(name, known);
    // Kernels that choose the larger of two may lose a NaN.
    const orElse = (end: string, instead: number) => b.where(b.add("IsNaN", [end]), b.scalar(instead, end), end);
    const ends = {
      lower: orElse(lower, Number.NEGATIVE_INFINITY),
      upper: orElse(upper, Number.POSITIVE_INFINITY),
    };
    values.set(name, { centre: known.centre, ...ends });
  };

  const restless = nodes.find((node) => isRestless(node));
  if (restless)
    throw new PerturbError(
      "unsupported",
      `${describeNode(restless)} draws at random or trains, so that the same input has many outputs. Export the model for inference.`,
      { data: { op: restless.op } },
    );
  const pass = (node: Node): void => {
    if (!valuesRead(node).some((name) => values.has(name) || shapes.has(name))) return;
    const isShape = node.op === "Shape" || node.op === "Size" || !node.inputs.some((name) => values.has(name));
    if (isShape) {
      const inputs = node.inputs.map((name) => values.get(name)?.centre ?? shapes.get(name) ?? name);
      for (const [i, name] of againMany({ node, b }, inputs).entries()) shapes.set(node.outputs[i]!, name);
      return;
    }
    const x = node.inputs.map((name) => values.get(name)?.centre ?? shapes.get(name) ?? name);
    const context: LinearContext = { node, b, x, isConstant: (i) => !values.has(node.inputs[i] ?? "") };
    const linear = linearIn(context);
    if (linear) {
      if (isOverSamples(b, node)) throw noBounds([node]);
      const { ends, rounding } = throughLinear(context, linear, values, arithmetic);
      for (const [i, name] of node.outputs.entries())
        if (name !== "") {
          checkSamples(b, node, samples, x[0]!, ends[i]!.centre);
          values.set(name, ends[i]!);
        }
      if (rounding) roundings.set(node.outputs[0]!, rounding);
      return;
    }
    const relaxation = relaxationOf(node);
    if (!relaxation || !isBoundedIn(node, relaxation, (name) => values.has(name)) || isMisaligned(b, node, values))
      throw noBounds([node, ...nodes.slice(nodes.indexOf(node) + 1).filter(isUnknown)]);
    for (const name of node.inputs) refineOnce(name);
    const enclosures = node.inputs.map(
      (name, i): Enclosure => values.get(name) ?? { centre: x[i]!, lower: x[i]!, upper: x[i]! },
    );
    const y = again(context, x);
    checkSamples(b, node, samples, x[0]!, y);
    const part = { node, b, x: enclosures, y };
    values.set(node.outputs[0]!, { centre: y, ...relaxation.interval(part) });
    relaxed.set(node.outputs[0]!, { node, relaxation, x: enclosures, y });
  };
  for (const node of nodes) guarded(node, "bounds", () => pass(node));
  return { values, roundings, relaxed };
}

const relaxationOf = (node: Node): Relaxation | undefined =>
  node.domain === "" && Object.hasOwn(relaxations, node.op) ? (relaxations as Relaxations)[node.op] : undefined;

/** Whether all inputs that change are ones that may. */
const isBoundedIn = ({ inputs }: Node, { operands = [0] }: Relaxation, changes: (name: string) => boolean): boolean =>
  operands === "all" || inputs.every((name, i) => !changes(name) || operands.includes(i));

/** Whether nothing is known of an operator, whatever its inputs are. */
const isUnknown = (node: Node): boolean =>
  !relaxationOf(node) && (node.domain !== "" || !Object.hasOwn(linearOperators, node.op)) && node.op !== "Constant";

/** A node of the file by its name; one that is not in it by what it is for. */
const whichNode = (node: Node): string =>
  node.outputs[0]?.startsWith("perturb/")
    ? `${node.op}, with which perturb reads the head of this model or writes one of its operators`
    : describeNode(node);

function noBounds([first, ...others]: readonly Node[]): PerturbError {
  const more = [...new Set(others.map(({ op }) => op))].filter((op) => op !== first!.op);
  const also = more.length > 0 ? ` The same may hold for ${more.join(", ")}.` : "";
  return new PerturbError(
    "unsupported",
    `${whichNode(first!)}: no bounds are known for it, so that nothing can be proven of this model.${also}`,
    { data: { op: first!.op, others: more } },
  );
}

function throughLinear(
  context: LinearContext,
  operator: LinearOperator,
  values: ReadonlyMap<string, Enclosure>,
  arithmetic: Arithmetic,
) {
  const { node, b, x } = context;
  const at = (end: keyof Enclosure): string[] =>
    againMany(
      context,
      node.inputs.map((name, i) => values.get(name)?.[end] ?? x[i]!),
    );
  // In float64 where that is possible: then nothing has to be allowed for it.
  const isPrecise = operator.isInDouble === true && node.outputs.length === 1;
  const centres = isPrecise ? [inDouble(context)] : at("centre");
  const box = (i: number): Enclosure => values.get(node.inputs[i]!)!;
  const absolute = (h: (i: number) => string, additive: boolean): string =>
    operator.absolute?.(context, h, additive) ?? withOperands(context, h);
  const terms = arithmetic === "float32" ? operator.terms?.(context) : undefined;
  const rounding =
    terms && roundingOf(context, { terms, count: operator.count }, box, absolute, isPrecise ? centres[0]! : undefined);
  const widened = ({ lower, upper }: Interval): Interval => {
    if (!rounding) return { lower, upper };
    // Of the network, of this node, and a little for the sum itself.
    const room = b.mul(rounding.network, b.scalar(2.5, rounding.network));
    return { lower: b.sub(lower, room), upper: b.plus(upper, room) };
  };
  if (operator.ends !== "weighted") {
    const [low, high] = operator.ends === "monotone" ? [at("lower"), at("upper")] : [at("upper"), at("lower")];
    const ends = centres.map((centre, i): Enclosure => ({ centre, ...widened({ lower: low[i]!, upper: high[i]! }) }));
    return { ends, rounding };
  }
  // The middle and the radius: (l + u)/2 and (u - l)/2, the latter a little larger, for both are rounded.
  const middles = new Map<number, string>();
  const middle = (i: number): string => {
    const known = middles.get(i);
    if (known) return known;
    const name = b.plus(b.mul(box(i).lower, b.scalar(0.5, x[0]!)), b.mul(box(i).upper, b.scalar(0.5, x[0]!)));
    middles.set(i, name);
    return name;
  };
  const radius = (i: number): string => {
    const wide = b.add("Max", [b.sub(box(i).upper, middle(i)), b.sub(middle(i), box(i).lower)]);
    return b.mul(wide, b.scalar(1 + 2 ** -22, wide));
  };
  const centre = withOperands(context, middle);
  const width = absolute(radius, false);
  const wide = terms ? b.mul(width, b.scalar(1 + 2 * gamma(terms.forwards), width)) : width;
  return {
    ends: [{ centre: centres[0]!, ...widened({ lower: b.sub(centre, wide), upper: b.plus(centre, wide) }) }],
    rounding,
  };
}
