import { epsilonText } from "../../epsilons.ts";
import type { NormName } from "../../norm.ts";

/** What an evaluation, or an attack on samples, is to do: as the options of the command line say it. */
export interface CommandSetting {
  readonly model: string;
  readonly arch?: string;
  readonly data: string;
  /** With the options that are to be written: those that are not the defaults. */
  readonly attacks: readonly { readonly name: string; readonly options: object }[];
  readonly norm: NormName;
  readonly epsilons: readonly number[];
  readonly target: number | null;
  readonly seed: number;
  readonly offset: number;
  /** null: all samples. */
  readonly limit: number | null;
  /** Values that a pixel may take; null: any. */
  readonly levels: number | null;
  readonly surrogate?: string;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly shape?: readonly number[];
  readonly out?: string;
}

/** What the command line takes where an option is left out. */
const DEFAULTS: Readonly<Record<string, string>> = {
  model: "lenet-mnist",
  data: "mnist",
  attack: "fgsm",
  norm: "linf",
  eps: "0.05,0.1,0.15,0.2,0.25,0.3",
  offset: "0",
  seed: "0",
};

/** The words after "perturb" that evaluate this setting: `evaluate --model …`. */
export const evaluateWords = (setting: CommandSetting): string[] => ["evaluate", ...optionWords(setting, DEFAULTS)];

/** The words after "perturb" that attack samples as this setting says: `attack --model …`. There all samples are a number too. */
export const attackWords = (setting: CommandSetting & { readonly limit: number }): string[] => [
  "attack",
  ...optionWords(setting, { ...DEFAULTS, limit: "100", out: "adversarial.npz" }),
];

function optionWords(
  { attacks: chosen, epsilons, mean, std, shape, ...rest }: CommandSetting,
  defaults: Readonly<Record<string, string>>,
): string[] {
  const { model, arch, data, norm, target, surrogate, levels, limit, offset, seed, out } = rest;
  const word = (option: string, value: string | number | readonly number[] | null | undefined): string[] =>
    value === null || value === undefined || String(value) === defaults[option] ? [] : [`--${option}`, String(value)];
  return [
    ...word("model", model),
    ...word("arch", arch),
    ...word("data", data),
    ...word("attack", chosen.map(({ name }) => name).join()),
    ...chosen.flatMap(({ name, options }) => settings(name, options)).flatMap((text) => word("set", text)),
    ...word("norm", norm),
    ...word("eps", epsilons.map(epsilonText).join()),
    ...word("target", target),
    ...word("surrogate", surrogate),
    ...word("levels", levels),
    ...word("limit", limit),
    ...word("offset", offset),
    ...word("seed", seed),
    ...word("mean", mean),
    ...word("std", std),
    ...word("shape", shape),
    ...word("out", out),
  ];
}

/** "pgd.steps=100" for each option. */
const settings = (name: string, options: object): string[] =>
  Object.entries(options).map(([option, value]) => `${name}.${option}=${value}`);

/** The command line of these words, as a POSIX shell wants it. */
export const commandLine = (words: readonly string[]): string => ["perturb", ...words].map(quote).join(" ");

/** A word as a POSIX shell wants it. */
export const quote = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
