import { type AttackName, attacks } from "../../attacks/index.ts";
import type { Batch } from "../../dataset.ts";
import { type ErrorCode, PerturbError } from "../../errors.ts";
import type { DifferentiableModel } from "../../model.ts";
import type { ClassifierFile } from "../../models/classifier/classifier.ts";
import { isPlainGraph, openClassifier } from "../../models/classifier/graph-model.ts";
import type { Runtime } from "../../runtime.ts";
import { type BatchPlan, evaluateBatch, needsGradients } from "../course/batch.ts";
import type { Entry } from "../course/cascade.ts";
import { lazyProver } from "../course/prover.ts";
import type { Job } from "../place.ts";
import type { Tally } from "../results/tally.ts";

/** What a worker works on. Can be sent by postMessage. */
export interface WorkSetup {
  readonly file: ClassifierFile;
  readonly plan: PlanMessage;
  /** The model that transfer attacks work on. */
  readonly surrogate?: ClassifierFile | undefined;
}

/** What a job sends to workers; undefined where it cannot be sent: a model that is no graph, or that is wrapped, is asked here. */
export async function setupFor({ model, plan, surrogate }: Job): Promise<WorkSetup | undefined> {
  if (!isPlainGraph(model) || (surrogate && !isPlainGraph(surrogate))) return undefined;
  return {
    file: needsGradients(plan) ? await model.differentiated("cross-entropy") : model.file,
    plan: planMessage(plan),
    surrogate: surrogate?.file,
  };
}

/** A plan with attacks by name: functions cannot be sent. */
export type PlanMessage = Omit<BatchPlan, "attacks"> & {
  readonly attacks: readonly (Omit<Entry, "attack"> & { readonly name: AttackName })[];
};

/** @throws usage for an attack that workers do not know: they have those of the registry */
export const planMessage = (plan: BatchPlan): PlanMessage => ({
  ...plan,
  attacks: plan.attacks.map(({ attack, ...rest }) => {
    const name = attack.name as AttackName;
    if (Object.hasOwn(attacks, name) && attacks[name] === attack) return { ...rest, name };
    throw new PerturbError(
      "usage",
      `${name} is an attack of your own, and other threads know only those of perturb. Evaluate in this thread: leave out the place.`,
      { data: { attack: name } },
    );
  }),
});

/** A tally, or what went wrong, in a form that postMessage keeps. */
export type WorkerAnswer =
  | { readonly tally: Tally }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly data: Readonly<Record<string, unknown>>;
        readonly stack: string | undefined;
      };
    };

/** A worker's half of a pool: evaluates batches, and answers failures too. */
export function worker(
  { file, plan, surrogate }: WorkSetup,
  runtime: Runtime,
): (batch: Batch) => Promise<WorkerAnswer> {
  const model: DifferentiableModel = openClassifier(file, runtime);
  const prover = lazyProver(model, plan);
  const context = { surrogate: surrogate && openClassifier(surrogate, runtime) };
  const named: BatchPlan = {
    ...plan,
    attacks: plan.attacks.map(({ name, ...rest }) => ({ ...rest, attack: attacks[name] })),
  };
  return async (batch) => {
    try {
      return { tally: await evaluateBatch(model, batch, named, { ...context, prover: await prover.open() }) };
    } catch (error) {
      const { code, message, data } =
        error instanceof PerturbError ? error : new PerturbError("internal", String(error), { cause: error });
      return { error: { code, message, data, stack: error instanceof Error ? error.stack : undefined } };
    }
  };
}

/** The error of an answer, as it was thrown. */
export function revive({
  code,
  message,
  data,
  stack,
}: Extract<WorkerAnswer, { error: unknown }>["error"]): PerturbError {
  const error = new PerturbError(code, message, { data });
  if (stack) error.stack = stack;
  return error;
}
