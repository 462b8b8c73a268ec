import { execFileSync } from "node:child_process";
import { Command } from "@commander-js/extra-typings";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { optionsOf as factsOf } from "../../attack-options.ts";
import { type AttackName, attacks } from "../../attacks/index.ts";
import { attackCommand } from "../../cli/commands/attack.ts";
import { configuredAttacks } from "../../cli/options/attack-options.ts";
import { evaluateOptions } from "../../cli/options/evaluate-options.ts";
import { attackWords, type CommandSetting, commandLine, evaluateWords, quote } from "./command.ts";

type Setting = CommandSetting & { readonly limit: number };

/** The experiment without any option. */
const plain: CommandSetting = {
  model: "lenet-mnist",
  data: "mnist",
  attacks: [{ name: "fgsm", options: {} }],
  norm: "linf",
  epsilons: [0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
  target: null,
  seed: 0,
  offset: 0,
  limit: null,
  levels: null,
};

/** The options of a command, and nothing of what it does. */
function optionsOf(command: { readonly options: readonly ReturnType<typeof attackCommand.createOption>[] }): Command {
  const fresh = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of command.options) fresh.addOption(option);
  return fresh;
}

/** The setting that the command line reads from these words. */
function parsed(words: readonly string[]): object {
  const command = optionsOf(words[0] === "attack" ? attackCommand : evaluateOptions());
  expect(command.parseOptions(words.slice(1))).toEqual({ operands: [], unknown: [] });
  const given: Record<string, unknown> = command.opts();
  const { eps, attack, set, target = null, limit = null, levels = null, ...rest } = given;
  const chosen = configuredAttacks(attack as AttackName[], set as string[]);
  const kept = ["model", "arch", "data", "norm", "seed", "offset", "surrogate", "mean", "std", "shape", "out"];
  return {
    ...Object.fromEntries(kept.map((option) => [option, rest[option]])),
    target,
    limit,
    levels,
    epsilons: eps,
    attacks: chosen.map(({ attack, options }) => ({ name: attack.name, options })),
  };
}

/** Every option of an attack, some of them changed. */
function optionsFor(name: AttackName): fc.Arbitrary<object> {
  const number = fc.double({ noNaN: true, noDefaultInfinity: true });
  const length = fc.oneof(
    number,
    number.map((factor) => `${factor + 0}eps`),
  );
  const values = factsOf(attacks[name]).map(({ name, value, choices, isLength }): [string, fc.Arbitrary<unknown>] => [
    name,
    fc.oneof(
      fc.constant(value),
      choices ? fc.constantFrom(...choices) : isLength ? length : typeof value === "number" ? number : fc.boolean(),
    ),
  ]);
  return fc.record(Object.fromEntries(values));
}

const names = Object.keys(attacks) as AttackName[];
const word = fc.oneof(
  fc.constantFrom("net.onnx", "a b.npz", "-", "--quiet", "it's", ""),
  fc.string({ unit: "binary" }),
);
const positive = fc.double({ min: 0, max: 1e6, noNaN: true });
const epsilons = fc
  .uniqueArray(
    fc.oneof(
      positive,
      fc.integer({ min: 0, max: 255 }).map((k) => k / 255),
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((values) => values.map((v) => v + 0).sort((a, b) => a - b))
  .filter((values) => values.every((v, i) => i === 0 || v > values[i - 1]!));
const list = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 4 });
const whole = (min: number) => fc.integer({ min, max: 1e9 });
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const setting = fc.record({
  model: fc.oneof(word, fc.constant("lenet-mnist")),
  arch: optional(word),
  data: fc.oneof(word, fc.constant("mnist")),
  attacks: fc
    .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 })
    .chain((chosen) =>
      fc.tuple(...chosen.map((name) => fc.record({ name: fc.constant(name), options: optionsFor(name) }))),
    ),
  norm: fc.constantFrom("linf", "l2", "l1", "l0", "spatial"),
  epsilons,
  target: fc.option(whole(0)),
  seed: fc.oneof(fc.constant(0), whole(0)),
  offset: fc.oneof(fc.constant(0), whole(0)),
  limit: fc.oneof(fc.constant(100), whole(1)),
  levels: fc.option(whole(2)),
  surrogate: optional(word),
  mean: optional(list),
  std: optional(list),
  shape: optional(fc.array(whole(1), { minLength: 1, maxLength: 4 })),
  out: optional(word),
});

/** What is not undefined, and without -0, which text does not tell from 0. */
const unsigned = (value: unknown) => JSON.parse(JSON.stringify(value));
describe("the words of a command", () => {
  it("are none where everything is the default", () => {
    expect(evaluateWords(plain)).toEqual(["evaluate"]);
    expect(attackWords({ ...plain, limit: 100, out: "adversarial.npz" })).toEqual(["attack"]);
  });

  it("say what differs, and ε as it is written by hand", () => {
    const pgd = { steps: 100, loss: "margin" };
    const given = { ...plain, attacks: [{ name: "pgd", options: pgd }], epsilons: [1 / 255, 0.1, 8 / 255], limit: 500 };
    expect(commandLine(evaluateWords({ ...given, model: "my net.onnx", target: 3 }))).toBe(
      "perturb evaluate --model 'my net.onnx' --attack pgd --set pgd.steps=100 --set pgd.loss=margin --eps 1/255,0.1,8/255 --target 3 --limit 500",
    );
    const eps = (values: number[]) => evaluateWords({ ...plain, epsilons: values }).at(-1);
    expect(eps([0, 0.2, 1])).toBe("0,0.2,1");
    expect(eps([0.03137])).toBe("0.03137");
    expect(eps([0.1 + 0.2])).toBe("0.30000000000000004");
  });

  it.each([
    ["evaluate", evaluateWords],
    ["attack", attackWords],
  ] as const)("give the same setting when perturb %s reads them", (_, words) => {
    fc.assert(
      fc.property(setting, (given) => {
        const out = words === attackWords ? (given.out ?? "adversarial.npz") : given.out;
        expect(unsigned(parsed(words(given as Setting)))).toEqual(unsigned({ ...given, out }));
      }),
      { numRuns: 300 },
    );
  });
});

describe("a command line", () => {
  it("keeps its words in a shell", () => {
    const nasty = [
      "a b",
      "it's",
      "$HOME",
      "`id`",
      "a;b&c|d",
      "*",
      "~",
      "\\",
      '"',
      "",
      "ε",
      "a\tb",
      "-n",
      "%s",
      "!x",
      "#",
    ];
    const shell = (command: string) => execFileSync("sh", ["-c", command], { encoding: "utf8" });
    expect(shell(`printf "%s\\n" ${nasty.map(quote).join(" ")}`)).toBe(nasty.map((text) => `${text}\n`).join(""));
    expect(shell(`perturb() { printf "%s\\n" "$@"; }; ${commandLine(nasty)}`)).toBe(`${nasty.join("\n")}\n`);
    expect(shell(`printf %s ${quote("two\nlines")}`)).toBe("two\nlines");
  });
});
