import type { Ops } from "./onnx/ops.ts";

/** What an optimizer is told of one step. Vectors are names of float32 values [parameters]; all of the network in one. */
export interface UpdateContext {
  readonly b: Ops;
  readonly parameters: string;
  readonly gradient: string;
  /** The vectors that the optimizer keeps from step to step, by name. */
  readonly state: Readonly<Record<string, string>>;
  /** The scalars of this step, by name. */
  readonly scalars: Readonly<Record<string, string>>;
}

export interface Update {
  readonly parameters: string;
  readonly state: Readonly<Record<string, string>>;
}

/** A rule that turns gradients into new parameters: ONNX nodes, which run in the same graph as the gradient. */
export interface Optimizer {
  readonly name: string;
  /** Where it was published. */
  readonly paper: string;
  /** A learning rate that suits it, for networks and batches of common size. */
  readonly rate: number;
  /** Names of the vectors that it keeps, zero before the first step. */
  readonly state: readonly string[];
  /** Whatever changes from step to step: `step` counts from 1. */
  readonly scalars: (step: number, rate: number) => Readonly<Record<string, number>>;
  /** Appends the nodes of one update. */
  readonly update: (context: UpdateContext) => Update;
}
