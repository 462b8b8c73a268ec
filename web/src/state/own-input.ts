import { computed, effect, signal } from "@preact/signals";
import { product } from "../../../src/tensor.ts";
import { drawnSample, type Ink } from "../engine/drawn.ts";
import { type Failure, failureOf, type ModelInfo } from "../engine.ts";
import { known } from "./loading.ts";
import { engine, model } from "./session.ts";
import { change, type InputChoice, input } from "./setting.ts";

/** Where the input comes from. */
export type Source = "samples" | "drawing" | "picture";

/** The name of an input that was drawn. */
const DRAWN = "drawn";

/** Where an input came from. */
export const inputSource = (of: InputChoice): Source =>
  of.kind === "sample" ? "samples" : of.name === DRAWN ? "drawing" : "picture";

/** What the person turned to; null once the input itself says it. */
const turnedTo = signal<Source | null>(null);

export const source = computed((): Source => turnedTo.value ?? inputSource(input.value));

/** A line that was drawn, in parts of the pad's side. */
export type Stroke = readonly { readonly x: number; readonly y: number }[];
export const drawing = signal<{ readonly strokes: readonly Stroke[]; readonly ink: Ink | null }>({
  strokes: [],
  ink: null,
});

export const picture = signal<{ readonly file: File; readonly invert: boolean } | null>(null);
export const pictureFailure = signal<Failure | null>(null);

/** Only the newest input counts: a picture that is decoded too late is dropped. */
let turn = 0;

/** The test image that is in use, or was last. */
let lastIndex = 0;

/** Keeps track of the input, also where another part of the page chooses it, and of the model that it is for. */
export function beginInput(): void {
  effect(() => {
    const now = input.value;
    lastIndex = now.kind === "sample" ? now.index : now.sample;
    if (now.kind === "sample") turn++;
    turnedTo.value = null;
  });
  const opened = computed(() => known(model.value));
  effect(() => {
    // What was drawn or given before there was a model that takes it.
    const [open, to] = [opened.value, turnedTo.peek()];
    if (open && to !== null && to !== inputSource(input.peek())) turnTo(to);
  });
}

/** Turns to a source. What there is of it is in use at once; otherwise the input stays until there is something. */
export function turnTo(to: Source): void {
  const open = known(model.peek());
  if (to === "samples") change({ input: { kind: "sample", index: lastIndex } });
  else if (open) void make(to, open);
  turnedTo.value = to;
}

/** Shows what the input is, for a label of one's own; null: what the model takes it for. */
export function labelInput(label: number | null): void {
  const now = input.peek();
  if (now.kind === "own") change({ input: { ...now, label } });
}

/** The drawing as it is now; without ink the input stays as it was. A new drawing begins without a label. */
export function draw(strokes: readonly Stroke[], ink: Ink): void {
  const begins = drawing.peek().ink === null;
  drawing.value = { strokes, ink };
  const open = known(model.peek());
  if (open) void make("drawing", open, begins ? null : undefined);
}

/** Takes everything off the pad; the input stays until something else is drawn. */
export function clearDrawing(): void {
  drawing.value = { strokes: [], ink: null };
}

/** Takes a picture; the same one again keeps its label. */
export function choosePicture(file: File, invert = false): Promise<void> {
  const same = picture.peek()?.file === file;
  picture.value = { file, invert };
  turnedTo.value = "picture";
  const open = known(model.peek());
  return open ? make("picture", open, same ? undefined : null) : Promise.resolve();
}

/** Makes the input of what was drawn or given, in the shape of the model. `label`: by default the one it has. */
async function make(from: "drawing" | "picture", open: ModelInfo, label = labelOf(from, open)): Promise<void> {
  const mine = ++turn;
  if (from === "drawing") {
    const { ink } = drawing.peek();
    const x = ink && drawnSample(ink, open);
    if (x) change({ input: { kind: "own", x, label, name: DRAWN, sample: lastIndex } });
    return;
  }
  const chosen = picture.peek();
  if (!chosen) return;
  pictureFailure.value = null;
  try {
    const x = await engine.decodePicture(open.id, chosen.file, chosen.invert);
    if (mine === turn) change({ input: { kind: "own", x, label, name: chosen.file.name, sample: lastIndex } });
  } catch (error) {
    if (mine === turn) pictureFailure.value = failureOf(error);
  }
}

function labelOf(from: Source, { classes }: ModelInfo): number | null {
  const now = input.peek();
  if (now.kind !== "own" || inputSource(now) !== from) return null;
  return now.label !== null && now.label < classes ? now.label : null;
}

/** The input as it can be asked about: the same, or the first sample where its pixels are not those of the model. */
export function fittingInput(chosen: InputChoice, info: ModelInfo, before: ModelInfo | undefined): InputChoice {
  if (chosen.kind === "sample") return chosen;
  const axes = (shape: readonly number[]) => `${shape.filter((size) => size !== 1)}`;
  const fits =
    chosen.x.length === product(info.inputShape) && (!before || axes(before.inputShape) === axes(info.inputShape));
  if (!fits) return { kind: "sample", index: 0 };
  return chosen.label !== null && chosen.label >= info.classes ? { ...chosen, label: null } : chosen;
}

/** Makes an input that did not fit anew from what it was made of, where that is at hand. */
export const remake = (chosen: InputChoice, info: ModelInfo): Promise<void> => {
  const from = inputSource(chosen);
  return from === "samples" ? Promise.resolve() : make(from, info);
};
