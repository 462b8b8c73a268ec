import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import { PerturbError } from "../../../src/errors.ts";
import type { LinearView } from "../../../src/evaluate/linear/along.ts";
import type { AttackInfo, AttackOutcome, AttackRequest, DataInfo, Engine, Environment, ModelInfo } from "../engine.ts";
import { remote } from "../remote.ts";
import { courseOptions } from "./course.ts";
import { filling, known, loadingSignal } from "./loading.ts";
import { type InputChoice, input, setting } from "./setting.ts";

/** The engine, in a thread of its own. */
export const engine = remote<Engine>(
  new Worker(new URL("../engine/engine.worker.ts", import.meta.url), { type: "module", name: "engine" }),
);

export const environment = loadingSignal<Environment>();
export const attackInfos = loadingSignal<readonly AttackInfo[]>();
export const data = loadingSignal<DataInfo>();
export const model = loadingSignal<ModelInfo>();
/** What is attacked, in the shape of the model. */
export const subject = loadingSignal<Subject>();
export const outcome = loadingSignal<Attacked>();
export const linear = loadingSignal<Looked>();
/** The second model: see `experiment.ts`. */
export const second = loadingSignal<ModelInfo>();
/** How many queries the attack that runs has made. */
export const queries = signal(0);

/** What an attack made, and what was asked of it: what is chosen may be something else by then. */
export interface Attacked extends AttackOutcome {
  readonly request: AttackRequest;
}

export interface Subject {
  /** The model that it has the shape of. */
  readonly model: string;
  readonly index: number;
  readonly label: number;
  readonly x: Float32Array;
}

/** A linear view, and what was asked for. */
export interface Looked extends LinearView {
  readonly request: AttackRequest;
}

/** The attack that is chosen, described. */
export const attackInfo = computed(() => known(attackInfos.value)?.find(({ name }) => name === setting.value.attack));

/** What each class is called. */
export const classNames = computed((): readonly string[] => {
  const open = known(model.value);
  if (!open) return [];
  const { names } = ownNames.value;
  const given = names.length > 0 ? names : (open.classNames ?? dataNames(open) ?? []);
  return Array.from({ length: open.classes }, (_, c) => given[c] || String(c));
});

/** Names that were given for the classes of a model of one's own; an empty one leaves the number. */
export const ownNames = signal<{ readonly names: readonly string[] }>({ names: [] });

const dataNames = ({ classes }: ModelInfo): readonly string[] | null => {
  const open = known(data.value);
  return open?.classes === classes ? open.classNames : null;
};

const loadSubject = filling(subject, async ({ open, chosen }: { open: ModelInfo; chosen: InputChoice }) => {
  if (chosen.kind === "sample") {
    const [sample] = await engine.samples(open.id, chosen.index, 1);
    if (sample) return { model: open.id, ...sample };
    throw new PerturbError("usage", `There is no test image ${chosen.index}. Choose another index.`);
  }
  const { prediction } = await engine.ask(open.id, chosen.x);
  return { model: open.id, index: 0, label: chosen.label ?? Math.max(0, prediction), x: chosen.x };
});

const attack = filling(outcome, async (request: AttackRequest) => {
  queries.value = 0;
  const heard = proxy((made: number) => {
    queries.value = made;
  });
  return { ...(await engine.attack(request, heard)), request };
});

const look = filling(linear, async (request: AttackRequest) => ({ ...(await engine.linear(request)), request }));

/** What the engine is asked to attack now; undefined while something of it is missing. */
export const request = computed((): AttackRequest | undefined => {
  const [open, chosen] = [known(model.value), known(subject.value)];
  if (!open || !chosen || chosen.model !== open.id || model.value.kind !== "ready") return undefined;
  if (!known(attackInfos.value)) return undefined;
  const { attack, norm, epsilon, target, seed, levels } = setting.value;
  const options = courseOptions(setting.value.options, attackInfo.value);
  const { x, label, index } = chosen;
  const surrogate = attackInfo.value?.also === "surrogate" ? (known(second.value)?.id ?? null) : null;
  return { model: open.id, x, label, index, attack, options, norm, epsilon, target, seed, levels, surrogate };
});

/** Milliseconds of rest before the slower view is drawn. */
const REST = 150;

/** Begins: all that follows from the model, the data and the setting. `opening.ts` brings those. */
export function begin(): void {
  filling(environment, () => engine.environment())(undefined);
  filling(attackInfos, () => engine.attacks())(undefined);
  effect(() => {
    const open = known(model.value);
    if (!open || model.value.kind !== "ready") return;
    if (input.value.kind === "sample" && data.value.kind !== "ready") return;
    loadSubject({ open, chosen: input.value });
  });
  effect(() => {
    // What was found for one input says nothing of another, also where it is found later.
    if (subject.value.kind !== "failed") return;
    for (const result of [outcome, linear]) if (result.value.kind !== "idle") result.value = { kind: "idle" };
  });
  const key = computed(() => {
    const wanted = request.value;
    return wanted && { wanted, key: JSON.stringify({ ...wanted, x: null }) };
  });
  let last: { x: Float32Array; key: string } | undefined;
  let rest: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const now = key.value;
    if (now && last?.x === now.wanted.x && last.key === now.key) return;
    clearTimeout(rest);
    last = now && { x: now.wanted.x, key: now.key };
    if (!now) return;
    attack(now.wanted);
    rest = setTimeout(() => look(now.wanted), REST);
  });
}
