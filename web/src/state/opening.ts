import { batch, computed, effect, type Signal, signal } from "@preact/signals";
import { type BundledModel, isBundled } from "../../../src/models/bundled.ts";
import { product } from "../../../src/tensor.ts";
import { type DataInfo, type Failure, type FileOptions, failureOf, type ModelInfo } from "../engine.ts";
import { budgetOf } from "./budget.ts";
import { known, type Loading } from "./loading.ts";
import { fittingInput, remake } from "./own-input.ts";
import { data, engine, linear, model, outcome, ownNames } from "./session.ts";
import { change, type Setting, setting } from "./setting.ts";

/** A model file of one's own, kept so that it can be opened again: differently, or on another device. */
export interface OwnFile {
  readonly file: File;
  readonly options: FileOptions;
}

/** The last own model that opened, whether or not it is the one in use. */
export const ownModel = signal<(OwnFile & { readonly sha256: string }) | null>(null);

export interface FailedOpening {
  readonly failure: Failure;
  /** The file that failed; null for a network that comes with the page. */
  readonly own: OwnFile | null;
}

/** Why the last model that was asked for is not in use. */
export const modelFailure = signal<FailedOpening | null>(null);
/** The file of one's own that is being opened. */
export const openingOwn = signal<OwnFile | null>(null);

export const dataFailure = signal<Failure | null>(null);

/** What is to be known of the file that was given for a link's. */
export const linkNote = signal<string | null>(null);

/** The file that a link was made with and that only its reader has; null when there is nothing to wait for. */
export const missing = computed((): string | null => {
  const { model: name, sha256 } = setting.value;
  return sha256 !== null && known(model.value)?.sha256 !== sha256 && ownModel.value?.sha256 !== sha256 ? name : null;
});

type Wanted = ({ readonly bundled: BundledModel } | { readonly own: OwnFile }) & Pick<Setting, "device">;

/** Only the newest opening counts. */
let turn = 0;

async function open(wanted: Wanted): Promise<void> {
  const mine = ++turn;
  const before = known(model.peek());
  const own = "own" in wanted ? wanted.own : null;
  batch(() => {
    model.value = { kind: "loading", before };
    modelFailure.value = null;
    linkNote.value = null;
    openingOwn.value = own;
  });
  try {
    const info = await ("own" in wanted
      ? engine.openFile(wanted.own.file, wanted.own.options, wanted.device)
      : engine.openBundled(wanted.bundled, wanted.device));
    if (mine === turn) use(info, before, own);
    else void engine.closeModel(info.id);
  } catch (error) {
    if (mine === turn) giveUp({ failure: failureOf(error), own }, before);
  }
}

/** Everything that is chosen is made to fit the model, in one step. */
function use(info: ModelInfo, before: ModelInfo | undefined, own: OwnFile | null): void {
  const { input, target } = setting.peek();
  const fitting = fittingInput(input, info, before);
  batch(() => {
    const awaited = missing.peek();
    if (own && awaited !== null && setting.peek().sha256 !== info.sha256)
      linkNote.value = `This is another file than the ${awaited} that the link was made with.`;
    if (before?.sha256 !== info.sha256) ownNames.value = { names: [] };
    if (own) ownModel.value = { ...own, sha256: info.sha256 };
    openingOwn.value = null;
    model.value = { kind: "ready", value: info };
    // What went wrong with the model before says nothing of this one.
    for (const result of [outcome, linear]) if (result.peek().kind === "failed") result.value = { kind: "idle" };
    change({
      ...choiceOf(info),
      input: fitting,
      target: target !== null && target < info.classes ? target : null,
      ...usualEpsilon(info, before),
    });
  });
  if (before) void engine.closeModel(before.id);
  if (fitting !== input && input.kind === "own") void remake(input, info);
}

/** ε of a small picture says little about a large one. */
const usualEpsilon = (info: ModelInfo, before: ModelInfo | undefined): Partial<Setting> =>
  before === undefined || product(before.inputShape) === product(info.inputShape)
    ? {}
    : { epsilon: budgetOf(setting.peek().norm, info.inputShape, info.bounds).initial };

/** The model before stays in use, and the setting says so. */
function giveUp(failed: FailedOpening, before: ModelInfo | undefined) {
  batch(() => {
    modelFailure.value = failed;
    openingOwn.value = null;
    model.value = before ? { kind: "ready", value: before } : { kind: "failed", failure: failed.failure };
    // A link goes on waiting for its file.
    if (before && missing.peek() === null) change(choiceOf(before));
  });
}

const choiceOf = (info: ModelInfo): Pick<Setting, "model" | "sha256" | "device"> => ({
  model: info.name,
  sha256: info.bundled === null ? info.sha256 : null,
  device: info.device,
});

/** Opens a model of one's own; the setting follows once it is open. */
export const openOwnModel = (file: File, options: FileOptions = {}): Promise<void> =>
  open({ own: { file, options }, device: setting.peek().device });

/** Opens a .npz of one's own; the data before stay in use where it fails. */
export const openDataFile = (file: File): Promise<void> => replaceData(() => engine.openDataFile(file));
export const openMnist = (): Promise<void> => replaceData(() => engine.openMnist());

/** One at a time, so that what was chosen last stays. */
let reading: Promise<void> = Promise.resolve();
function replaceData(read: () => Promise<DataInfo>): Promise<void> {
  reading = reading.then(() => readData(read));
  return reading;
}

async function readData(read: () => Promise<DataInfo>): Promise<void> {
  const before = known(data.peek());
  dataFailure.value = null;
  data.value = { kind: "loading", before };
  try {
    const info = await read();
    batch(() => {
      data.value = { kind: "ready", value: info };
      if (before) change({ input: { kind: "sample", index: 0 } });
    });
  } catch (error) {
    batch(() => {
      dataFailure.value = failureOf(error);
      settle(data, before, dataFailure.value);
    });
  }
}

const settle = <T>(signal: Signal<Loading<T>>, before: T | undefined, failure: Failure): void => {
  signal.value = before === undefined ? { kind: "failed", failure } : { kind: "ready", value: before };
};

/** Begins: the model is the one that the setting names. */
export function beginOpening(): void {
  void openMnist();
  // Compared as text: an effect runs again for the same choice in a new object.
  const wanted = computed(() => {
    const { model: name, sha256, device } = setting.value;
    return JSON.stringify({ model: name, sha256, device });
  });
  effect(() => {
    const choice = JSON.parse(wanted.value) as Pick<Setting, "model" | "sha256" | "device">;
    const { model: name, sha256, device } = choice;
    const now = known(model.peek());
    if (now && JSON.stringify(choiceOf(now)) === wanted.value) {
      if (model.peek().kind !== "loading") return;
      turn++;
      batch(() => {
        openingOwn.value = null;
        model.value = { kind: "ready", value: now };
      });
    } else if (sha256 === null) {
      if (isBundled(name)) void open({ bundled: name, device });
    } else if (ownModel.peek()?.sha256 === sha256) void open({ own: ownModel.peek()!, device });
  });
}
