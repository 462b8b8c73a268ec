import { checkSignal, PerturbError } from "../../errors.ts";
import { take } from "../../model.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import { cellsOf, type NormName, normFor } from "../../norm.ts";
import { type FloatTensor, product, takeRows, tensor } from "../../tensor.ts";
import { type BoundsOf, openBounds } from "../bounds/bounds.ts";
import { type Ball, type BallNorm, type Box, ball } from "../bounds/box.ts";
import type { Breakdowns } from "../bounds/breakdown.ts";
import type { Method as BoundMethod } from "../bounds/ends.ts";
import { byBranching } from "./branching.ts";
import { certifiableGraph } from "./certifiable.ts";
import { margins, marginsTo, otherClass } from "./margins.ts";
import type { Decision, Method, Question } from "./method.ts";
import { readOnce } from "./precise.ts";

/** A classifier that is open for proofs. */
export interface Prover {
  /** From the cheapest to the strongest: each gets what those before it left open. */
  readonly methods: readonly Method[];
  /** The largest ε that says anything: from there on the box is all that the model takes. */
  readonly widest: number;
  /** Whether ε counts something. */
  readonly isWhole?: boolean;
  /** What the bounds of CROWN lose, and where, of the margin of each label to one other class. @throws runtime, cancelled */
  losses(question: Question & { readonly others: Int32Array }, signal?: AbortSignal): Promise<Breakdowns>;
  release(): Promise<void>;
}

/** Samples that are bounded in one run: more take memory, and save no time. */
const AT_A_TIME = 16;

/** The norms of which a ball can be bounded. */
export type ProvenNorm = BallNorm | "linf";

/**
 * @param splits into how many parts the box of a sample may be split, where bounds leave it open
 * @throws unsupported for a model of which nothing can be proven, with the reason and what could be
 */
export async function openProver(
  model: GraphModel,
  { splits = 0, norm = "linf" }: { readonly splits?: number; readonly norm?: NormName } = {},
): Promise<Prover> {
  if (norm === "spatial") throw new PerturbError("internal", "No ball of spatial is known. Report this.");
  const { file, runtime } = model;
  const graph = certifiableGraph(model);
  const bounds = await openBounds(graph, {
    name: runtime.name,
    device: runtime.device,
    load: (bytes) => runtime.load(bytes, file.folder),
  });
  const by = (name: BoundMethod, isCheap: boolean, isSearched: boolean): Method => ({
    name,
    isCheap,
    isSearched,
    decide: (question, signal) => decide({ bounds, model, norm }, name, question, signal),
  });
  // What intervals alone prove, lines prove too.
  const methods = [by("ibp", true, false), by("crown-ibp", true, true), by("crown", false, true)];
  const branching = {
    bounds,
    model,
    boxOf: (x: FloatTensor, e: readonly number[]) => boxOf(x, e, model),
    least: leastMargin(model),
    network: readOnce(graph),
  };
  return {
    // Choices are improved over boxes alone.
    methods: norm === "linf" ? [...methods, byBranching(branching, splits)] : methods,
    widest: widestOf(model, norm),
    isWhole: norm === "l0",
    losses: (question, signal) => losses({ bounds, model, norm }, question, signal),
    release: () => bounds.release(),
  };
}

/** From this ε on, the ball holds all that the model takes. */
function widestOf({ bounds, inputShape }: GraphModel, norm: ProvenNorm): number {
  const range = bounds.upper - bounds.lower;
  const size = product(inputShape);
  if (norm === "l0") return cellsOf(normFor(norm, inputShape), inputShape).count;
  return range * { linf: 1, l2: Math.sqrt(size), l1: size }[norm];
}

interface Parts {
  readonly bounds: BoundsOf;
  readonly model: GraphModel;
  readonly norm: ProvenNorm;
}

/** Numbers of samples, as many in a piece as are bounded in one run. */
const pieces = (count: number): number[][] =>
  Array.from({ length: Math.ceil(count / AT_A_TIME) }, (_, piece) =>
    Array.from({ length: Math.min(AT_A_TIME, count - piece * AT_A_TIME) }, (_, i) => piece * AT_A_TIME + i),
  );

async function decide(
  { bounds, model, norm }: Parts,
  method: BoundMethod,
  { x, labels, epsilons }: Question,
  signal: AbortSignal | undefined,
): Promise<Decision[]> {
  const decisions: Decision[] = [];
  for (const rows of pieces(labels.length)) {
    checkSignal(signal);
    const box = boxOf(
      takeRows(x, rows),
      rows.map((row) => epsilons[row]!),
      model,
      norm,
    );
    const lower = await bounds.lower(box, margins(take(labels, rows), model.classes), method);
    for (const [i, row] of rows.entries()) {
      const from = i * (model.classes - 1);
      decisions.push(
        decisionOf(lower.subarray(from, from + model.classes - 1), labels[row]!, leastMargin(model), method),
      );
    }
  }
  return decisions;
}

async function losses(
  { bounds, model, norm }: Parts,
  { x, labels, epsilons, others }: Question & { readonly others: Int32Array },
  signal: AbortSignal | undefined,
): Promise<Breakdowns> {
  const found: Breakdowns[] = [];
  for (const rows of pieces(labels.length)) {
    checkSignal(signal);
    const own = rows.map((row) => epsilons[row]!);
    found.push(
      await bounds.losses(
        boxOf(takeRows(x, rows), own, model, norm),
        marginsTo(take(labels, rows), take(others, rows), model.classes),
      ),
    );
  }
  return { layers: found[0]?.layers ?? [], samples: found.flatMap(({ samples }) => samples) };
}

/** Behind a softmax, scores of logits that are nearer than this may be equal in float32. */
const HEAD_ROUNDING = 1e-5;
/** What a margin of logits has to be above, so that the file gives its label. */
export const leastMargin = ({ head }: Pick<GraphModel, "head">): number =>
  head === "logits" || head === "binary" ? 0 : HEAD_ROUNDING;

function decisionOf(bounds: Float64Array, label: number, least: number, method: string): Decision {
  let [worst, margin] = [0, Number.POSITIVE_INFINITY];
  for (const [k, bound] of bounds.entries()) {
    if (bound >= margin) continue;
    [worst, margin] = [k, bound];
    // NaN is below nothing, and proves nothing.
    if (Number.isNaN(bound)) break;
  }
  if (margin > least) return { kind: "proven", margin };
  if (Number.isNaN(margin)) return { kind: "open", margin, reason: `${method} bounds overflow` };
  const other = otherClass(worst, label);
  const reason = `${method} bounds the margin to class ${other} by ${margin.toPrecision(3)}`;
  return { kind: "open", margin, reason, other };
}

/** The ball around each sample, within the bounds of the model and of each element: whatever an attack may propose lies in it. */
export function boxOf(
  x: FloatTensor,
  epsilons: readonly number[],
  { bounds, elements }: GraphModel,
  norm: ProvenNorm = "linf",
): Box {
  const lower = new Float32Array(x.data.length);
  const upper = new Float32Array(x.data.length);
  const size = x.data.length / epsilons.length;
  const balls: Ball[] = [];
  for (const [i, epsilon] of epsilons.entries()) {
    const one = ball(takeRows(x, [i]), epsilon, bounds, norm);
    if (one.ball) balls.push(one.ball);
    lower.set(one.lower.data, i * size);
    upper.set(one.upper.data, i * size);
  }
  if (elements?.unit === "input")
    for (let i = 0; i < lower.length; i++) {
      lower[i] = Math.min(x.data[i]!, Math.max(lower[i]!, elements.lower[i % size]!));
      upper[i] = Math.max(x.data[i]!, Math.min(upper[i]!, elements.upper[i % size]!));
    }
  const box = { centre: x, lower: tensor("float32", x.dims, lower), upper: tensor("float32", x.dims, upper) };
  const radii = Float64Array.from(balls, ({ radii: [radius] }) => radius!);
  return balls[0] ? { ...box, ball: { ...balls[0], radii } } : box;
}
