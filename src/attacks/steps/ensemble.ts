import {
  type Attack,
  type AttackDefinition,
  type AttackTask,
  type Configured,
  defineAttack,
  proposeWith,
} from "../../attack.ts";
import type { LengthWords } from "../../attack-options.ts";
import { checkSignal } from "../../errors.ts";
import { type DifferentiableModel, take, takeGoal, takeGradient } from "../../model.ts";
import { averaged } from "../../models/wrapped/averaged.ts";
import type { NormName } from "../../norm.ts";
import { type FloatTensor, sampleSize, takeRows } from "../../tensor.ts";
import { objective } from "./losses.ts";
import { memberOption, membersOf } from "./members.ts";
import { successOf } from "./sweep.ts";

/** An ensemble as its file writes it. */
export interface EnsembleDefinition {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly norms: readonly NormName[];
  readonly members: (norm: NormName) => readonly Configured<DifferentiableModel>[];
}

/** The options O of a member, as the ensemble has them: "square.queries". */
export type MemberOptions<Name extends string, O> = { readonly [K in keyof O & string as `${Name}.${K}`]: O[K] };

/**
 * Several attacks in order, each on the samples that those before it did not fool at an ε. An evaluation runs the members
 * one by one, and tells which of them fooled a sample; `propose` does the same for who has no evaluation.
 * Its options are those of its members, under their names; the defaults shown are those of its first norm.
 */
export function defineEnsemble<O extends object>(definition: EnsembleDefinition): Attack<DifferentiableModel, O> {
  const ensemble: Attack<DifferentiableModel, O> = defineAttack<DifferentiableModel, O>({
    ...definition,
    ...optionsOfMembers(definition.members(definition.norms[0]!)),
    aim: "within-epsilon",
    needs: "gradient",
    propose: (task: AttackTask<DifferentiableModel>, options: O) => {
      const choice = { attack: ensemble, options } as unknown as Configured<DifferentiableModel>;
      return handOver(task, membersOf(choice, task.norm.name, task.model).members);
    },
  } as unknown as AttackDefinition<DifferentiableModel, O>);
  return ensemble;
}

function optionsOfMembers(members: readonly Configured<DifferentiableModel>[]) {
  const defaults: Record<string, unknown> = {};
  const about: Record<string, string | LengthWords> = {};
  const choices: Record<string, readonly string[]> = {};
  for (const { attack, options } of members)
    for (const [name, value] of Object.entries(options)) {
      const full = memberOption(attack, name);
      defaults[full] = value;
      about[full] = attack.about[name]!;
      if (attack.choices?.[name]) choices[full] = attack.choices[name];
    }
  return { defaults, about, choices };
}

async function handOver(
  task: AttackTask<DifferentiableModel>,
  members: readonly Configured<DifferentiableModel>[],
): Promise<FloatTensor[]> {
  const { model, x, goal, indices, epsilons, signal } = task;
  const size = sampleSize(x);
  const results = epsilons.map((): FloatTensor => ({ ...x, data: x.data.slice() }));
  // How many of the budgets are still open for each sample, the smallest first.
  const open = task.wanted?.slice() ?? new Int32Array(indices.length).fill(epsilons.length);
  const highest = epsilons.map(() => new Float64Array(indices.length).fill(Number.NEGATIVE_INFINITY));
  for (const member of members) {
    const rows = [...open.keys()].filter((row) => open[row]! > 0);
    if (rows.length === 0) break;
    const proposals = await proposeWith(member, {
      ...task,
      model: averaged(model, member.eot ?? 1, signal),
      x: takeRows(x, rows),
      goal: takeGoal(goal, rows),
      indices: take(indices, rows),
      wanted: take(open, rows),
      start: member.eot === undefined && task.start ? takeGradient(task.start, rows) : undefined,
    });
    for (const [k, candidates] of proposals.entries()) {
      const tried = [...rows.keys()].filter((i) => k < open[rows[i]!]!);
      if (tried.length === 0) break;
      checkSignal(signal);
      const samples = Int32Array.from(tried, (i) => indices[rows[i]!]!);
      const logits = await model.logits(takeRows(candidates, tried), samples);
      const goals = takeGoal(
        goal,
        samples.map((_, j) => rows[tried[j]!]!),
      );
      const [fooled, margins] = [successOf(logits, goals), objective(logits, goals, "margin")];
      for (const [j, i] of tried.entries()) {
        const row = rows[i]!;
        const point = candidates.data.subarray(i * size, (i + 1) * size);
        if (!fooled[j]) {
          // A sample that is not fooled keeps the point that is nearest to reaching its goal.
          if (!(margins[j]! > highest[k]![row]!)) continue;
          highest[k]![row] = margins[j]!;
          results[k]!.data.set(point, row * size);
        } else {
          // A point inside one ball lies inside all larger ones.
          for (let above = k; above < open[row]!; above++) results[above]!.data.set(point, row * size);
          open[row] = k;
        }
      }
    }
  }
  return results;
}
