import { type AttackTask, type Configured, configured, defineAttack, proposeWith } from "../../attack.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, take, takeGoal, takeGradient } from "../../model.ts";
import { type NormName, norms } from "../../norm.ts";
import { takeRows } from "../../tensor.ts";
import { hopskipjump } from "../decisions/hopskipjump.ts";
import { fabT } from "../least-change/fab.ts";
import { fmn } from "../least-change/fmn.ts";
import { pdgd } from "../least-change/pdgd.ts";
import { pdpgd } from "../least-change/pdpgd.ts";
import { sigmaZero } from "../least-change/sigma-zero.ts";
import { checkNumbers } from "../steps/decision.ts";
import { type Nearest, nearest, rowsOf } from "../steps/nearest.ts";
import { successOf } from "../steps/sweep.ts";

export interface LeastOptions {
  /** What the steps of all attacks with gradients are multiplied by. */
  readonly effort: number;
  /** Decisions for a sample of which these find no adversarial point. */
  readonly queries: number;
}

/**
 * Several attacks for the least change, of which the nearest point counts: the primal-dual game, which finds its way even where
 * gradients mislead, and then FAB towards the most likely classes alone, which gets the last few per cent; in L0, σ-zero and FMN. Where none
 * finds a point, as behind gradients of 0, HopSkipJump does by decisions (in L2, where it does not know the norm).
 *
 * FAB-T with its nine classes makes 1,800 queries; here these are 800, in L1 1,500, for points as near (docs/strength.md).
 */
export const least = defineAttack<DifferentiableModel, LeastOptions>({
  name: "least",
  title: "least change, by several attacks",
  paper: "https://arxiv.org/abs/2106.01538",
  norms: ["linf", "l2", "l1", "l0"],
  aim: "least-change",
  needs: "gradient",
  learns: true,
  defaults: { effort: 1, queries: 5000 },
  about: {
    effort: "factor of the steps that attacks with gradients make",
    queries: "decisions, at most, for a sample of which attacks with gradients find no adversarial point",
  },
  async propose(task, { effort, queries }) {
    checkNumbers("least", { queries }, { effort });
    const found = nearest(task);
    for (const member of membersOf(task.norm.name, effort)) await join(task, found, found.open(), member);
    const norm = hopskipjump.norms.includes(task.norm.name) ? task.norm : norms.l2;
    await join({ ...task, norm }, found, found.missing(), configured(hopskipjump, { queries }));
    return found.candidates();
  },
});

function membersOf(norm: NormName, effort: number): Configured<DifferentiableModel>[] {
  const steps = (usual: number) => Math.max(1, Math.round(effort * usual));
  if (norm === "l0") return [configured(sigmaZero, { steps: steps(1000) }), configured(fmn, { steps: steps(100) })];
  // In L1 the elements that move are few, and the way to them is longer.
  const [game, targets] = norm === "l1" ? [500, 5] : [200, 3];
  return [
    configured<DifferentiableModel>(norm === "l2" ? pdgd : pdpgd, { steps: steps(game) }),
    configured(fabT, { steps: steps(100), targets }),
  ];
}

/** Runs an attack on the samples `rows`, and offers what is adversarial of the points that it proposes. */
async function join(
  task: AttackTask<DifferentiableModel>,
  found: Nearest,
  rows: readonly number[],
  member: Configured<DifferentiableModel>,
): Promise<void> {
  if (rows.length === 0) return;
  const { model, x, goal, indices, start, signal } = task;
  checkSignal(signal);
  const part = { goal: takeGoal(goal, rows), indices: take(indices, rows) };
  const [points] = await proposeWith(member, {
    ...task,
    ...part,
    x: takeRows(x, rows),
    epsilons: [Number.POSITIVE_INFINITY],
    wanted: undefined,
    start: start && takeGradient(start, rows),
  });
  checkSignal(signal);
  const success = successOf(await model.logits(points!, part.indices), part.goal);
  for (const [i, row] of rows.entries()) if (success[i]) found.offer(row, rowsOf(points!)(i));
}
