import type { Model } from "../../model.ts";
import type { BatchPlan } from "../course/batch.ts";

/** The sizes of each tally of a run, by its plan. */
export interface Counts {
  readonly classes: number;
  /** Numbers of ε, of points, and of attacks that run. */
  readonly budgets: number;
  readonly points: number;
  readonly attacks: number;
}

export const countsOf = ({ classes }: Pick<Model, "classes">, plan: BatchPlan): Counts => ({
  classes,
  budgets: plan.epsilons.length,
  points: plan.series.length * plan.epsilons.length,
  attacks: plan.attacks.length,
});

/** What the tallies of a run hold by its plan: no size is taken from the file. */
export interface Extent extends Counts {
  /** The place of the first sample, 0 but in a shard, and where the samples end. */
  readonly first: number;
  readonly total: number;
  /** Samples in a batch, at most. */
  readonly batch: number;
  /** Of a run that ends by itself: where it looks whether to, a batch ends. */
  readonly until?: number | undefined;
  /** Shape of one sample, or of the largest where they have several. */
  readonly shape: readonly number[];
  /** That of each, counted from the first one of the run, where they have several. */
  readonly shapeAt?: ((place: number) => readonly number[]) | undefined;
}
