import { type Configured, configured, predict } from "../../attack.ts";
import { hopskipjump } from "../../attacks/decisions/hopskipjump.ts";
import { pdgd } from "../../attacks/least-change/pdgd.ts";
import { pdpgd } from "../../attacks/least-change/pdpgd.ts";
import { sigmaZero } from "../../attacks/least-change/sigma-zero.ts";
import type { Batch } from "../../dataset.ts";
import type { Warning } from "../../evaluate.ts";
import { type DifferentiableModel, type Model, take } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { option } from "../../option.ts";
import { takeRows } from "../../tensor.ts";
import { type BatchContext, type BatchPlan, goalOf } from "../course/batch.ts";
import { cascade, type Entry, type Subjects } from "../course/cascade.ts";

/** Gradients, and decisions, for each sample that a probe may take. */
const QUERIES = 200;
/** Attacks that make more queries for a sample than this are not compared. */
const AGAIN = 2000;
/** How many times nearer a probe must get, in the median, to be told: sound attacks differ by less. */
const FACTOR = 1.25;

/** A cheap attack with gradients that seldom mislead, and one that needs none. */
function probesFor(norm: NormName): Configured<DifferentiableModel>[] {
  const steps = { steps: QUERIES };
  const decisions = hopskipjump.norms.includes(norm) ? [configured(hopskipjump, { queries: QUERIES })] : [];
  if (norm === "l0") return [configured(sigmaZero, steps)];
  if (norm === "l1" || norm === "linf") return [configured(pdpgd, steps), ...decisions];
  return norm === "l2" ? [configured(pdgd, steps), ...decisions] : [];
}

/** The attacks that are doubted: they follow gradients to the least change. */
export const followGradients = ({ attack }: Entry): boolean =>
  attack.aim === "least-change" && attack.needs === "gradient" && attack.name !== "least";

/**
 * Runs the least-change attacks of a plan that follow gradients once more on a few samples, and cheap ones beside them: where
 * these get much nearer, the gradients mislead the attacks that were asked for, and the distances that they report are too large.
 */
export async function checkNearer(
  model: Model,
  { x, labels, indices }: Batch,
  plan: BatchPlan,
  context: BatchContext,
): Promise<Warning | null> {
  const asked = plan.attacks.filter(followGradients);
  const ran = new Set(plan.attacks.map(({ attack }) => attack.name));
  const probes = probesFor(plan.norm).filter(({ attack }) => !ran.has(attack.name));
  if (asked.length === 0 || ran.has("least") || probes.length === 0) return null;
  const predictions = predict(await model.logits(x, indices));
  const rows = [...labels.keys()].filter((i) => predictions[i] === labels[i] && labels[i] !== plan.target);
  if (rows.length === 0) return null;
  const own = take(labels, rows);
  const subjects: Subjects = {
    x: takeRows(x, rows),
    labels: own,
    indices: take(indices, rows),
    goal: goalOf(own, plan.target, model),
    start: undefined,
  };
  const nearestBy = async (attacks: readonly Configured<DifferentiableModel>[], maxQueries: number) => {
    const distances = new Float64Array(rows.length).fill(Number.POSITIVE_INFINITY);
    const entries = attacks.map((entry): Entry => ({ ...entry, series: 0 }));
    // Without a budget: all that counts is the point behind the last one.
    const course = await cascade(
      model,
      subjects,
      { ...plan, attacks: entries, epsilons: [0], maxQueries },
      ({ budget, rows: of, verdict }) => {
        if (budget === 0) return;
        for (const [i, row] of of.entries())
          if (verdict.success[i]) distances[row] = Math.min(distances[row]!, verdict.distances[i]!);
      },
      context,
    );
    const isWhole = rows.every((_, i) => course.forwards[i]! + course.gradients[i]! < maxQueries);
    return { distances, isWhole };
  };
  const usual = await nearestBy(asked, Math.min(AGAIN, plan.maxQueries ?? AGAIN));
  // One that was cut short is worth no comparison.
  if (!usual.isWhole) return null;
  const found = await Promise.all(
    probes.map(async (probe) => ({ name: probe.attack.name, ...(await nearestBy([probe], AGAIN)) })),
  );
  const names = asked.map(({ attack }) => attack.name).join(", ");
  const typical = median(usual.distances);
  const best = found.reduce((a, b) => (median(b.distances) < median(a.distances) ? b : a));
  const near = median(best.distances);
  if (!(near > 0 && typical > FACTOR * near)) return null;
  const count = rows.length;
  const compared =
    typical < Number.POSITIVE_INFINITY
      ? `${(typical / near).toPrecision(2)} times nearer than ${names}: the median distance is ${near.toPrecision(3)} in place of ${typical.toPrecision(3)}`
      : `at a median distance of ${near.toPrecision(3)}, where ${names} ${asked.length === 1 ? "finds" : "find"} no point for half of them`;
  return {
    code: "nearer-found",
    message: `${best.name}, with ${QUERIES} queries for each of ${count} samples, finds adversarial points ${compared}. The gradients of this model mislead ${names}, and robustness is overstated. Take the attack least (${option("attacks")}).`,
  };
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[(sorted.length - 1) >> 1]!;
}
