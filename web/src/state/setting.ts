import { computed, signal } from "@preact/signals";
import type { NormName } from "../../../src/norm.ts";
import type { OptionValues, WebDevice } from "../engine.ts";

/** Which input is attacked: a sample of the data, or pixels of one's own (drawn, or a picture). */
export type InputChoice =
  | { readonly kind: "sample"; readonly index: number }
  | {
      readonly kind: "own";
      /** In the model's shape and bounds. */
      readonly x: Float32Array;
      /** What it shows; null: whatever the model takes it for. */
      readonly label: number | null;
      readonly name: string;
      /** The test image that was in use before, which turning back leads to. */
      readonly sample: number;
    };

/** All that a link restores: see `link.ts`. Files of one's own cannot be in it; their names are. */
export interface Setting {
  /** A bundled name, or the name of a file of one's own. */
  readonly model: string;
  /** SHA-256 of a file of one's own; null for a bundled model. */
  readonly sha256: string | null;
  /** A second model for the experiment, by its bundled name. */
  readonly second: string | null;
  readonly device: WebDevice;
  readonly input: InputChoice;
  readonly attack: string;
  /** Those that differ from the attack's defaults. */
  readonly options: OptionValues;
  readonly norm: NormName;
  readonly epsilon: number;
  readonly target: number | null;
  readonly seed: number;
  readonly levels: 256 | null;
  /** Which point that the attack queried is shown; null: the last. */
  readonly frame: number | null;
  /** How many times the perturbation is amplified; null: to the full scale. */
  readonly amplify: number | null;
  /** Of the experiment. */
  readonly epsilons: readonly number[];
  readonly limit: number;
}

/** A three that FGSM turns into a five at ε = 0.1. */
export const USUAL_SAMPLE = 18;

export const DEFAULT_SETTING: Setting = {
  model: "lenet-mnist",
  sha256: null,
  second: null,
  device: "cpu",
  input: { kind: "sample", index: USUAL_SAMPLE },
  attack: "fgsm",
  options: {},
  norm: "linf",
  epsilon: 0.1,
  target: null,
  seed: 0,
  levels: null,
  frame: null,
  amplify: null,
  epsilons: [0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
  limit: 1000,
};

/** What the person has chosen. */
export const setting = signal<Setting>(DEFAULT_SETTING);

/** The input alone: what depends on it does not follow each other choice. */
export const input = computed(() => setting.value.input);

/** Chooses. A new attack shows its last point. */
export function change(patch: Partial<Setting>): void {
  setting.value = { ...setting.peek(), ...("frame" in patch || "amplify" in patch ? {} : { frame: null }), ...patch };
}
