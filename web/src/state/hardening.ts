import { signal } from "@preact/signals";
import { proxy } from "comlink";
import { type Failure, failureOf, type HardenedModel, type HardenWord, type ModelInfo } from "../engine.ts";
import { budgetOf } from "./budget.ts";
import { known } from "./loading.ts";
import { openOwnModel } from "./opening.ts";
import { engine, model } from "./session.ts";

/** One training: of which network, how far it is, and what came of it. */
export interface Hardening {
  /** As it was when the training began. */
  readonly model: ModelInfo;
  readonly epsilon: number;
  readonly phase: "running" | "done" | "stopped" | "failed";
  readonly word: HardenWord | null;
  readonly result: HardenedModel | null;
  readonly failure: Failure | null;
}

export const hardening = signal<Hardening | null>(null);

/** What is asked for; null ε: the usual one of the model. */
export const hardenChoice = signal<{ readonly epsilon: number | null; readonly epochs: number }>({
  epsilon: null,
  epochs: 6,
});

/** Half of what attacks begin with: a minute of training does not reach more. */
export const usualHardenEpsilon = ({ inputShape, bounds }: ModelInfo): number =>
  budgetOf("linf", inputShape, bounds).initial / 2;

let turns = 0;

export async function startHardening(): Promise<void> {
  const open = known(model.peek());
  if (!open || hardening.peek()?.phase === "running") return;
  const { epsilon: chosen, epochs } = hardenChoice.peek();
  const epsilon = chosen ?? usualHardenEpsilon(open);
  const turn = ++turns;
  hardening.value = { model: open, epsilon, phase: "running", word: null, result: null, failure: null };
  const update = (patch: Partial<Hardening>): void => {
    const now = hardening.peek();
    if (now && turn === turns) hardening.value = { ...now, ...patch };
  };
  let isStopped = false;
  stopping = () => {
    isStopped = true;
  };
  try {
    const hear = proxy((word: HardenWord) => update({ word }));
    const result = await engine.harden({ model: open.id, epsilon, epochs }, hear);
    update({ phase: isStopped ? "stopped" : "done", result });
  } catch (error) {
    const failure = failureOf(error);
    update(failure.code === "cancelled" ? { phase: "stopped" } : { phase: "failed", failure });
  }
}

let stopping = (): void => undefined;

/** Ends the training; the best epoch so far stays. */
export function stopHardening(): void {
  stopping();
  void engine.stopHardening();
}

/** What the file of the result is called. */
export const hardenedName = ({ model: { name } }: Hardening): string => `${name.replace(/\.\w+$/, "")}-hardened.onnx`;

/** Opens the result as the model of the page. */
export async function openHardened(made: Hardening & { readonly result: HardenedModel }): Promise<void> {
  const { mean, std, shape } = made.model.options;
  const options = { ...(mean && { mean }), ...(std && { std }), ...(shape && { shape }) };
  await openOwnModel(new File([made.result.bytes as BlobPart], hardenedName(made)), options);
}
