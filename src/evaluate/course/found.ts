import { judge } from "../../attack.ts";
import type { Standing } from "../../certify/proving/standing.ts";
import type { Model } from "../../model.ts";
import { normFor } from "../../norm.ts";
import { sampleSize, tensor } from "../../tensor.ts";
import { type CascadePlan, type Course, type Judgement, pick, type Subjects } from "./cascade.ts";

/**
 * Judges what proofs found of another class as it judges what attacks propose: a sample for which it stands counts as fooled, by the method that
 * found it. Its number in the course is that of the method, after those of the attacks.
 */
export async function judgeFound(
  model: Model,
  subjects: Subjects,
  plan: CascadePlan,
  { found, methods }: Standing,
  course: Course,
  heard: (judgement: Judgement) => void,
): Promise<void> {
  const norm = normFor(plan.norm, model.inputShape);
  for (const [budget, epsilon] of plan.epsilons.entries())
    for (const [m, tally] of methods.entries()) {
      const rows = [...found.keys()].filter((i) => found[i]?.budget === budget && found[i]?.method === tally.method);
      if (rows.length === 0) continue;
      const { x, goal, indices } = pick(subjects, rows);
      const inputs = new Float32Array(rows.length * sampleSize(x));
      for (const [n, i] of rows.entries()) inputs.set(found[i]!.input, n * sampleSize(x));
      const candidates = tensor("float32", x.dims, inputs);
      const verdict = await judge(model, x, candidates, goal, norm, epsilon, plan.levels, indices);
      const entry = plan.attacks.length + m;
      for (const [n, i] of rows.entries()) {
        course.judged[i]!++;
        if (!verdict.success[n] || budget >= course.fooledAt[i]!) continue;
        course.fooledAt[i] = budget;
        course.fooledBy[i] = entry;
        tally.fooled++;
      }
      heard({ entry, budget, rows, verdict });
    }
}
