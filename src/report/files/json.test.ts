import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { PerturbError } from "../../errors.ts";
import { withGates } from "../../evaluate/results/gates.ts";
import type { Evaluation } from "../../evaluate.ts";
import { readReport, toJson } from "./json.ts";

const loads = vi.hoisted(() => ({ schema: 0 }));
vi.mock("./schema.ts", async (original) => {
  loads.schema++;
  return original();
});

const { evaluation } = fixture({ attacks: ["fgsm", "pgd"], classNames: Array.from("abcdefghij") });

/** The same value with the keys of every object in reverse. */
const reversed = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(reversed)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .toReversed()
            .map(([key, item]) => [key, reversed(item)]),
        )
      : value;

const failure = async (text: string): Promise<PerturbError> => {
  const error = await readReport(text, "old/report.json").then(
    () => expect.unreachable("the report was accepted"),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(PerturbError);
  return error as PerturbError;
};

/** report.json with the value at `path` replaced. */
function altered(path: readonly (string | number)[], value: unknown): string {
  const copy = structuredClone(evaluation) as unknown as Record<string | number, never>;
  const parent = path.slice(0, -1).reduce((object, key) => object[key]!, copy) as Record<string | number, unknown>;
  parent[path.at(-1)!] = value;
  return JSON.stringify(copy);
}

describe("toJson", () => {
  it("writes what JSON.parse reads back, and does not load zod", () => {
    expect(JSON.parse(toJson(evaluation))).toEqual(evaluation);
    expect(loads.schema).toBe(0);
  });

  it("does not depend on the order in which an object was made", () => {
    expect(toJson(reversed(evaluation) as Evaluation)).toBe(toJson(evaluation));
  });

  it("keeps the layout that scripts and people read", () => {
    const lines = toJson(evaluation).split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "{",
      '  "schema": 2,',
      '  "tool": {',
      '    "name": "perturb",',
      '    "version": "0.1.0"',
      "  },",
    ]);
    expect(Object.keys(JSON.parse(toJson(evaluation)))).toEqual([
      "schema", "tool", "date", "model", "data", "options", "runtime", "clean",
      "worst", "gates", "points", "attacks", "linearity", "warnings", "cost",
    ]); // biome-ignore format: one line says it
    expect(lines).toContain('    "inputShape": [1, 28, 28],');
    expect(lines.at(-1)).toBe("");
  });

  it("refuses a number that JSON cannot hold, and says where it stands", () => {
    const broken = { ...evaluation, cost: { ...evaluation.cost, seconds: Number.NaN } };
    expect(() => toJson(broken)).toThrow(
      expect.objectContaining({ code: "internal", message: expect.stringContaining("evaluation.cost.seconds is NaN") }),
    );
  });
});

describe("readReport", () => {
  it("reads back what toJson writes", async () => {
    expect(await readReport(toJson(evaluation), "report.json")).toEqual(evaluation);
    const bare = { ...evaluation, linearity: null, points: [], data: { name: "x", offset: 3, total: 4 } };
    expect(await readReport(toJson(bare), "report.json")).toEqual(bare);
  });

  it("keeps preprocessing and gates", async () => {
    const gated = {
      ...withGates(evaluation, [{ epsilon: 0.1, atLeast: 0.5 }]),
      model: { ...evaluation.model, preprocessing: { mean: [0.485, 0.456, 0.406], std: [0.229] } },
    };
    expect(await readReport(toJson(gated), "report.json")).toEqual(gated);
    expect(toJson(gated)).toContain('"mean": [0.485, 0.456, 0.406],');
  });

  it.each([
    ["no JSON", '{"schema": 2,', "old/report.json is not JSON"],
    ["another thing", "[]", "is not a report of perturb"],
    ["null", "null", "is not a report of perturb"],
    ["a missing key", altered(["clean"], undefined), "clean: "],
    ["an unknown key", altered(["model", "trusted"], true), 'model: Unrecognized key: "trusted"'],
    ["a wrong type", altered(["points", 1, "fooled"], "384"), "points.1.fooled: "],
    ["an infinite number", toJson(evaluation).replace('"seconds": 1.42', '"seconds": 1e999'), "cost.seconds: "],
    ["more correct than there are", altered(["clean", "correct"], 10_001), "clean.correct: 10001 of 10000"],
    ["a ragged matrix", altered(["points", 0, "confusion", 3], [1, 2]), "points.0.confusion: not 10 by 10"],
    ["another tool", altered(["tool", "name"], "foolbox"), "tool.name: "],
  ])("refuses %s", async (_, text, message) => {
    const error = await failure(text);
    expect(error.code).toBe("invalid-file");
    expect(error.message).toContain("old/report.json");
    expect(error.message).toContain(message);
    expect(error.message).toContain("perturb evaluate");
  });

  it.each([
    [
      1,
      "was written by an earlier version of perturb, in layout 1. This version reads layout 2 only: evaluate it again.",
    ],
    [3, "was written by a later version of perturb, in layout 3. This version reads layout 2 only"],
  ])("refuses layout %i, of another version", async (layout, message) => {
    const error = await failure(altered(["schema"], layout));
    expect(error.code).toBe("unsupported");
    expect(error.message).toContain(`old/report.json ${message}`);
  });

  it("names the first problems only, however many there are", async () => {
    const error = await failure(
      altered(
        ["options", "epsilons"],
        Array.from({ length: 1000 }, () => "x"),
      ),
    );
    expect(error.message).toContain("and 995 more");
    expect(error.message.length).toBeLessThan(1000);
  });

  it("answers any text with an evaluation or a PerturbError", async () => {
    const paths = Object.keys(evaluation);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.jsonValue(), async (path, value) => {
        await readReport(altered([path], value), "x").catch((error: unknown) =>
          expect(error).toBeInstanceOf(PerturbError),
        );
      }),
    );
    await fc.assert(fc.asyncProperty(fc.string(), async (text) => void (await failure(text))));
  });
});
