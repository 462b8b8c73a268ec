import { describe, expect, it } from "vitest";
import { arrayDataset, floats, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { fgsm } from "../../attacks/gradient/fgsm.ts";
import { type Normalization, unitsNote } from "../../models/classifier/preprocess.ts";
import type { NormName } from "../../norm.ts";
import { evaluate } from "../evaluation.ts";
import { budgetNotes } from "./budget-units.ts";

const UNIT = { lower: 0, upper: 1 };

it.each<[NormName, readonly number[], readonly string[], readonly (RegExp | string)[]]>([
  ["linf", [8], ["epsilon-range"], ["Did you mean 8/255?", "every input"]],
  ["linf", [0.1, 0.5], ["epsilon-range"], [/0.5 of the range .*same grey/]],
  ["linf", [0, 1], ["epsilon-range", "decimal-comma"], [/1\/255/, /decimal comma.*0\.1/]],
  ["linf", [0, 5], ["epsilon-range", "decimal-comma"], [/5\/255/, /0\.5, or 0\.05/]],
  ["l2", [0, 1], ["decimal-comma"], [/0\.1/]],
  ["linf", [0.03, 0.3], [], []],
  ["l2", [8], [], []],
  ["l0", [0, 1], [], []],
])("of %s at %j are questioned: %j", (norm, epsilons, codes, words) => {
  const notes = budgetNotes({ norm, epsilons }, { bounds: UNIT });
  expect(notes.map(({ code }) => code)).toEqual(codes);
  for (const [i, word] of words.entries()) expect(notes[Math.min(i, notes.length - 1)]?.message).toMatch(word);
});

it("are in the units of the bounds", () => {
  const wide = { bounds: { lower: 0, upper: 255 } };
  expect(budgetNotes({ norm: "linf", epsilons: [8] }, wide)).toEqual([]);
  expect(budgetNotes({ norm: "linf", epsilons: [200] }, wide)[0]?.message).not.toMatch("Did you mean");
});

it.each<[NormName, readonly number[], boolean]>([
  ["linf", [2 / 255, 8 / 255], true],
  ["linf", [0.3], true],
  ["linf", [0.5, 8], false],
  ["linf", [0], false],
  ["l2", [0.5], true],
  ["l2", [128], false],
  ["l0", [1], false],
])("far below the range of the bounds are questioned: %s %j", (norm, epsilons, isSmall) => {
  const [note] = budgetNotes({ norm, epsilons }, { bounds: { lower: 0, upper: 255 } });
  expect(note?.code).toBe(isSmall ? "epsilon-range" : undefined);
  if (isSmall) expect(note!.message).toContain('as a share of the range (`epsilonUnit: "range"`)');
  if (epsilons.length === 2 && isSmall) expect(note!.message).toMatch(/^ε = 8\/255.* Did you mean 8, or/);
  expect(budgetNotes({ norm, epsilons: epsilons.map((e) => e / 255) }, { bounds: UNIT })).toEqual([]);
});

it("are held against the narrowest element, where each has bounds of its own", () => {
  const of = (upper: readonly number[]) => {
    const elements = { lower: Float32Array.of(0, 0, 0), upper: Float32Array.from(upper), unit: "input" } as const;
    return budgetNotes({ norm: "linf", epsilons: [0.1] }, { bounds: { lower: 0, upper: 1e4 }, elements });
  };
  expect(of([1, 1e4, 0])).toEqual([]);
  expect(of([200, 1e4, 0])[0]?.message).toMatch("narrowest element, 200");
});

describe("a normalization", () => {
  it.each<[Normalization, string | null]>([
    [
      { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
      "`normalization.mean: [0.485, 0.456, 0.406]` `normalization.std: [0.229, 0.224, 0.225]`",
    ],
    [{ mean: [104, 117, 123], std: [1] }, "`preprocessing.scale: 255`"],
    [{ mean: [0], std: [255] }, "divide them by 255"],
    [{ mean: [0.485], std: [0.229], scale: 255 }, "leave out `preprocessing.scale: 255`"],
    [{ mean: [123], std: [58], scale: 255 }, null],
    [{ mean: [0.485], std: [0.229] }, null],
    [{ mean: [0], std: [1 / 255] }, null],
    [{ mean: [0], std: [1], scale: 255 }, null],
  ])("%j is questioned: %s", (normalization, words) => {
    const note = unitsNote(normalization, UNIT);
    if (words === null) expect(note).toBeNull();
    else expect(note?.message).toContain(words);
  });

  it("in other units is in the report", async () => {
    const normalization = { mean: [120], std: [60] };
    await using(open(twoClassGraph(Float32Array.of(1, 1)), { normalization }), async (model) => {
      const data = arrayDataset(floats([1, 2], [0, 1]), [0]);
      const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [8] });
      const codes = evaluation.warnings.map(({ code }) => code);
      expect(codes).toContain("normalization-units");
      expect(codes).toContain("epsilon-range");
    });
  });
});
