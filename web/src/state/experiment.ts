import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import { isBundled } from "../../../src/models/bundled.ts";
import {
  type DataInfo,
  type Failure,
  failureOf,
  type ModelId,
  type ModelInfo,
  type ModelResult,
  type RunProgress,
  type RunRequest,
  type WebDevice,
} from "../engine.ts";
import { known } from "./loading.ts";
import { attackInfo, classNames, data, engine, model, second } from "./session.ts";
import { type Setting, setting } from "./setting.ts";

/** One run of the experiment: what it was asked for, and what is known of it so far. */
export interface Run {
  /** As it was when the run began. */
  readonly setting: Setting;
  readonly data: DataInfo;
  /** Those that are evaluated, in order. */
  readonly models: readonly ModelInfo[];
  readonly classNames: readonly string[];
  readonly phase: "running" | "paused" | "done" | "stopped" | "failed";
  /** The newest word of each model that has begun. */
  readonly progress: ReadonlyMap<ModelId, RunProgress>;
  /** With pictures, once the run has ended. */
  readonly results: readonly ModelResult[];
  readonly failure: Failure | null;
}

export const run = signal<Run | null>(null);

/** Whether the attack needs a second model to work on; it is then not evaluated itself. */
export const needsSurrogate = computed(() => attackInfo.value?.also === "surrogate");

export const isUnderWay = computed(() => run.value?.phase === "running" || run.value?.phase === "paused");

/** What of the setting a run depends on. */
const runKey = ({
  model,
  sha256,
  second,
  device,
  attack,
  options,
  norm,
  target,
  seed,
  levels,
  epsilons,
  limit,
}: Setting) =>
  JSON.stringify([model, sha256, second, device, attack, options, norm, target, seed, levels, epsilons, limit]);

/** Whether what is chosen is no longer what the run was asked for. */
export const isOutdated = computed(() => {
  const shown = run.value;
  return shown !== null && (runKey(shown.setting) !== runKey(setting.value) || shown.data !== known(data.value));
});

/** Whether the engine has been asked for the newest run: before, it cannot be stopped or paused there. */
let isHanded = false;
/** Only the newest run counts. */
let turns = 0;

/** Evaluates what is chosen. A failure is that of the run. */
export async function start(): Promise<void> {
  const [first, set] = [known(model.peek()), known(data.peek())];
  if (!first || !set || isUnderWay.peek()) return;
  const [chosen, onSurrogate] = [setting.peek(), needsSurrogate.peek()];
  run.value = {
    setting: chosen,
    data: set,
    models: [first],
    classNames: classNames.peek(),
    phase: "running",
    progress: new Map(),
    results: [],
    failure: null,
  };
  const turn = ++turns;
  isHanded = false;
  try {
    const other = await opening;
    if (turn !== turns) return;
    const isCompared = other && !onSurrogate && other.sha256 !== first.sha256;
    const compared = isCompared ? [first, other] : [first];
    update({ models: compared });
    const request: RunRequest = {
      models: compared.map(({ id }) => id),
      attacks: [{ attack: chosen.attack, options: chosen.options }],
      setting: {
        norm: chosen.norm,
        target: chosen.target,
        seed: chosen.seed,
        levels: chosen.levels,
        surrogate: onSurrogate ? (other?.id ?? null) : null,
      },
      epsilons: chosen.epsilons,
      limit: chosen.limit,
      offset: 0,
    };
    const hear = (progress: RunProgress): void => {
      const now = run.peek();
      if (now && isUnderWay.peek()) update({ progress: new Map(now.progress).set(progress.model, progress) });
    };
    isHanded = true;
    const running = engine.run(request, proxy(hear));
    if (run.peek()?.phase === "paused") void engine.pause(true);
    const { stopped, results } = await running;
    update({ phase: stopped ? "stopped" : "done", results });
  } catch (error) {
    if (turn !== turns) return;
    const failure = failureOf(error);
    update(failure.code === "cancelled" ? { phase: "stopped" } : { phase: "failed", failure });
  }
}

export function pause(paused: boolean): void {
  if (!isUnderWay.peek()) return;
  void engine.pause(paused);
  update({ phase: paused ? "paused" : "running" });
}

/** Ends the run; what was counted stays. */
export function stop(): void {
  if (isHanded) return void engine.stop();
  turns++;
  update({ phase: "stopped" });
}

function update(patch: Partial<Run>): void {
  const now = run.peek();
  if (now) run.value = { ...now, ...patch };
}

/** The second model that is chosen: opened when it is, closed when another is. */
let opening: Promise<ModelInfo | undefined> = Promise.resolve(undefined);
const secondName = computed(() => setting.value.second);
const secondDevice = computed(() => setting.value.device);
effect(() => {
  const [name, device] = [secondName.value, secondDevice.value];
  const before = opening.catch(() => undefined);
  opening = before.then((open) => reopen(open, name, device));
  // Whoever waits for it hears of its failure, and `second` holds it.
  opening.catch(() => {});
});

async function reopen(
  before: ModelInfo | undefined,
  name: string | null,
  device: WebDevice,
): Promise<ModelInfo | undefined> {
  if (before) void engine.closeModel(before.id);
  second.value = { kind: "idle" };
  if (name === null || !isBundled(name)) return undefined;
  second.value = { kind: "loading", before: undefined };
  try {
    const value = await engine.openBundled(name, device);
    second.value = { kind: "ready", value };
    return value;
  } catch (error) {
    second.value = { kind: "failed", failure: failureOf(error) };
    throw error;
  }
}

/** What has been counted of each model: its result, or the newest word of it. */
export const counted = computed(() =>
  (run.value?.models ?? []).flatMap((info) => {
    const { results, progress } = run.value!;
    const result = results.find(({ model }) => model === info.id);
    const evaluation = result?.evaluation ?? progress.get(info.id)?.evaluation;
    return evaluation ? [{ info, evaluation, result }] : [];
  }),
);
