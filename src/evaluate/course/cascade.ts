import { type AttackTask, type Configured, type Examples, judge, proposeWith, type Verdict } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import {
  type DifferentiableModel,
  type Goal,
  type Gradient,
  type Model,
  take,
  takeGoal,
  takeGradient,
} from "../../model.ts";
import { isGraphModel } from "../../models/classifier/graph-model.ts";
import { averaged } from "../../models/wrapped/averaged.ts";
import { held, heldBack } from "../../models/wrapped/held.ts";
import { metered } from "../../models/wrapped/metered.ts";
import { rounded } from "../../models/wrapped/rounded.ts";
import { boxed, type NormName, normFor } from "../../norm.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";

/** An attack of a plan. */
export interface Entry extends Configured<DifferentiableModel> {
  /** Number of the attack that was asked for: several are of one where that is an ensemble. */
  readonly series: number;
}

/** How the samples of a batch are attacked. */
export interface CascadePlan {
  readonly attacks: readonly Entry[];
  readonly norm: NormName;
  readonly epsilons: readonly number[];
  readonly seed: number;
  readonly eot: number;
  readonly levels: number | null;
  readonly maxQueries: number | null;
  readonly examples?: Examples | undefined;
}

/** Samples that are to be attacked. */
export interface Subjects {
  readonly x: FloatTensor;
  readonly goal: Goal;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
  /** The gradient at x, where it is known. */
  readonly start: Gradient | undefined;
}

/** What one attack did to some samples at one ε. */
export interface Judgement {
  readonly entry: number;
  /** Number of the ε; that of no ε, which is the number of them, for the nearest point of a least-change attack. */
  readonly budget: number;
  /** Which samples the verdict is about. */
  readonly rows: readonly number[];
  readonly verdict: Verdict;
}

/** What became of each sample in the end. */
export interface Course {
  /** Number of the least ε at which it was fooled, or the number of budgets. */
  readonly fooledAt: Int32Array;
  /** Entry that fooled it, or -1. */
  readonly fooledBy: Int32Array;
  readonly forwards: Int32Array;
  readonly gradients: Int32Array;
  /** Of `forwards`, those of the judge. */
  readonly judged: Int32Array;
  readonly seconds: Float64Array;
  /** For each entry: samples it attacked, queries it made, and its time. */
  readonly entries: { attacked: number; forwards: number; gradients: number; seconds: number }[];
}

interface CascadeContext {
  readonly surrogate?: Model | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What attacks see in place of the model: they are judged by the model all the same. */
  readonly seen?: Model | undefined;
  /** Samples that cannot be fooled at any ε of the plan: only attacks that look for the least change try them. */
  readonly settled?: ReadonlySet<number> | undefined;
}

/**
 * Every sample is attacked by one attack after the other until one succeeds: a sample fooled at one ε counts as fooled above it,
 * and no later attack gets it there. `heard` gets each verdict as it comes.
 */
export async function cascade(
  model: Model,
  subjects: Subjects,
  plan: CascadePlan,
  heard: (judgement: Judgement) => void,
  context: CascadeContext = {},
): Promise<Course> {
  const n = subjects.labels.length;
  const budgets = plan.epsilons.length;
  const course: Course = {
    fooledAt: new Int32Array(n).fill(budgets),
    fooledBy: new Int32Array(n).fill(-1),
    forwards: new Int32Array(n),
    gradients: new Int32Array(n),
    judged: new Int32Array(n),
    seconds: new Float64Array(n),
    entries: [],
  };
  const { fooledAt } = course;
  const run = { model, subjects, plan, context, course, heard };
  for (const [e, entry] of plan.attacks.entries()) {
    checkSignal(context.signal);
    // A least-change attack gives its nearest points whatever the budgets: the whole curve from one run.
    const unlimited = entry.attack.aim === "least-change";
    const rows = [...fooledAt.keys()].filter((i) => fooledAt[i]! > 0 && (unlimited || !context.settled?.has(i)));
    const tally = { attacked: rows.length, forwards: 0, gradients: 0, seconds: 0 };
    course.entries.push(tally);
    if (rows.length === 0) continue;

    const began = performance.now();
    const meter = metered(context.seen ?? model, plan.maxQueries ?? undefined);
    const epsilons = unlimited ? [...plan.epsilons, Number.POSITIVE_INFINITY] : plan.epsilons;
    // An attack leaves a sample at the least ε at which what it sees is fooled. Where the judge may see it otherwise, each ε is by itself.
    const isApart = !unlimited && (context.seen !== undefined || (entry.eot ?? plan.eot) !== 1 || drawsAtRandom(model));
    const groups = isApart ? epsilons.map((_, k) => [k]) : [[...epsilons.keys()]];
    for (const group of groups) {
      checkSignal(context.signal);
      const tried = rows.filter((i) => fooledAt[i]! > group[0]!);
      if (tried.length === 0) break;
      await attempt(run, { e, entry, seen: meter.model, tried, budgets: group.map((k) => [k, epsilons[k]!] as const) });
    }
    tally.seconds = (performance.now() - began) / 1000;
    share(course, rows, subjects.indices, meter.of, tally);
  }
  return course;
}

/** A cascade under way. */
interface Running {
  readonly model: Model;
  readonly subjects: Subjects;
  readonly plan: CascadePlan;
  readonly context: CascadeContext;
  readonly course: Course;
  readonly heard: (judgement: Judgement) => void;
}

/** One attack at some of the budgets, in rising order, on the samples `tried`. */
interface Attempt {
  readonly e: number;
  readonly entry: Entry;
  /** What it is told to attack, which counts its queries. */
  readonly seen: Model;
  readonly tried: readonly number[];
  readonly budgets: readonly (readonly [k: number, epsilon: number])[];
}

/** Attacks once, and writes down what the judge says of each budget's candidates. */
async function attempt(
  { model, subjects, plan, context: { surrogate, signal }, course: { fooledAt, fooledBy, judged }, heard }: Running,
  { e, entry, seen, tried, budgets }: Attempt,
): Promise<void> {
  const norm = normFor(plan.norm, model.inputShape);
  const { elements } = model;
  const isHeld = elements?.unit === "input" && norm.name !== "spatial";
  const first = budgets[0]![0];
  const wanted = take(fooledAt, tried).map((count) => Math.min(budgets.length, count - first));
  const part = pick(subjects, tried);
  const task: AttackTask<DifferentiableModel> = {
    // The plan holds attacks that need gradients only for models that have them.
    model: asSeen(seen, plan, entry, signal) as DifferentiableModel,
    x: part.x,
    goal: part.goal,
    indices: part.indices,
    start:
      plan.levels !== null || (entry.eot ?? plan.eot) !== 1 || !part.start
        ? undefined
        : isHeld
          ? heldBack(part.start, part.x, elements.lower, elements.upper)
          : part.start,
    norm: isHeld ? boxed(norm, elements) : norm,
    epsilons: budgets.map(([, epsilon]) => epsilon),
    wanted,
    seed: plan.seed,
    surrogate: surrogate as DifferentiableModel | undefined,
    examples: plan.examples,
    signal,
  };
  for (const [at, candidates] of (await proposeWith(entry, task)).entries()) {
    const [k, epsilon] = budgets[at]!;
    const open = [...tried.keys()].filter((i) => at < wanted[i]! || k === plan.epsilons.length);
    if (open.length === 0) continue;
    checkSignal(signal);
    const { x, goal, indices } = pick(part, open);
    const points = open.length === tried.length ? candidates : takeRows(candidates, open);
    const verdict = await judge(model, x, points, goal, norm, epsilon, plan.levels, indices);
    const of = open.map((i) => tried[i]!);
    for (const [i, row] of of.entries()) {
      judged[row]!++;
      if (!verdict.success[i] || k >= fooledAt[row]!) continue;
      fooledAt[row] = k;
      fooledBy[row] = e;
    }
    heard({ entry: e, budget: k, rows: of, verdict });
  }
}

/** Whether a defence in front of it does: what is seen once may not be so again. */
const drawsAtRandom = (model: Model): boolean => isGraphModel(model) && model.file.defence?.isRandom === true;

/** The model as an attack is to see it. Queries are counted inside: each run of a randomised model is one. */
function asSeen(model: Model, { eot, levels }: CascadePlan, entry: Entry, signal: AbortSignal | undefined): Model {
  const drawn = averaged(model, entry.eot ?? eot, signal);
  const mean = model.elements?.unit === "input" ? held(drawn, model.elements) : drawn;
  return levels === null ? mean : rounded(mean, levels);
}

/** Adds what the meter counted, and the time, which is shared out by the number of queries. */
function share(
  course: Course,
  rows: readonly number[],
  indices: Int32Array,
  of: (sample: number) => { readonly forwards: number; readonly gradients: number },
  tally: { forwards: number; gradients: number; seconds: number },
): void {
  let total = 0;
  for (const row of rows) {
    const { forwards, gradients } = of(indices[row]!);
    course.forwards[row]! += forwards;
    course.gradients[row]! += gradients;
    tally.forwards += forwards;
    tally.gradients += gradients;
    total += forwards + gradients + 1;
  }
  for (const row of rows) {
    const { forwards, gradients } = of(indices[row]!);
    course.seconds[row]! += (tally.seconds * (forwards + gradients + 1)) / total;
  }
}

/** The samples `rows` alone. */
export function pick(of: Subjects, rows: readonly number[]): Subjects {
  if (rows.length === of.labels.length) return of;
  return {
    x: takeRows(of.x, rows),
    goal: takeGoal(of.goal, rows),
    labels: take(of.labels, rows),
    indices: take(of.indices, rows),
    start: of.start && takeGradient(of.start, rows),
  };
}
