import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { toCurve } from "./curve.ts";
import { toTable } from "./terminal.ts";

const { evaluation } = fixture();

describe("toTable", () => {
  it("is plain text, clean first", () => {
    expect(toTable({ ...evaluation, points: evaluation.points.slice(0, 1) }, { color: false }).split("\n")).toEqual([
      "┌──────┬────────────────┬──────────┬────────────────┐",
      "│    ε │        correct │ accuracy │   95% interval │",
      "├──────┼────────────────┼──────────┼────────────────┤",
      "│    0 │ 9,810 / 10,000 │   98.10% │ 97.81 – 98.35% │",
      "│ 0.05 │ 9,426 / 10,000 │   94.26% │ 93.79 – 94.70% │",
      "└──────┴────────────────┴──────────┴────────────────┘",
    ]);
  });

  it("shows ε = 0 once, and ε as it is written", () => {
    const points = [0, 8 / 255].map((epsilon) => ({ ...evaluation.points[0]!, epsilon }));
    const rows = toTable({ ...evaluation, points }, { color: false })
      .split("\n")
      .slice(3, -1);
    expect(rows.map((row) => row.split("│")[1]!.trim())).toEqual(["0", "8/255"]);
    const axis = toCurve({ ...evaluation, points }, { width: 60, height: 8 })
      .split("\n")
      .at(-1);
    expect(axis).toMatch(/^ +0 +8\/255 +ε \(L∞\)$/);
  });

  it("is the same text in colour", () => {
    const color = toTable(evaluation, { color: true });
    expect(color).toContain("\u001b[1m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours begin with one.
    expect(color.replace(/\u001b\[\d+m/g, "")).toBe(toTable(evaluation, { color: false })); // oxlint-disable-line no-control-regex
  });

  it("names the attacks where there are several, and lets none steer the terminal", () => {
    const table = toTable(fixture({ attacks: ["fgsm", "\u001b[2Jpgd"] }).evaluation, { color: false });
    expect(table).toContain("│ fgsm L∞ ");
    expect(table).toContain("│ \ufffd[2Jpgd L∞ ");
    expect(table).not.toContain("\u001b");
  });
});

it("shows robust accuracy beside the only attack where proofs found what it did not", () => {
  const accuracy = { total: 10_000, ci95: [0, 1] as const };
  const [point] = evaluation.points;
  const worst = [
    {
      ...point!,
      ...accuracy,
      correct: 9000,
      accuracy: 0.9,
      errors: 0,
      certified: { ...accuracy, correct: 8000, accuracy: 0.8 },
    },
  ];
  const table = (fooled: number) => {
    const method = { method: "alpha-crown", tried: 9, proven: 1, fooled, seconds: 1 };
    const certified = { methods: [method], digits: null, averageRadius: null };
    const lines = toTable({ ...evaluation, points: [point!], worst, certified }, { color: false }).split("\n");
    return lines.slice(3, -1).map((line) =>
      line
        .split("│")
        .map((cell) => cell.trim())
        .slice(1, 4)
        .join(" "),
    );
  };
  const rows = ["clean 0 9,810 / 10,000", "fgsm L∞ 0.05 9,426 / 10,000", "certified accuracy 0.05 8,000 / 10,000"];
  expect(table(0)).toEqual(rows);
  expect(table(426)).toEqual(rows.toSpliced(2, 0, "robust accuracy 0.05 9,000 / 10,000"));
});

describe("toTable in a narrow terminal", () => {
  const { points, ...rest } = fixture({ attacks: ["fgsm", "autoattack-plus"] }).evaluation;
  // A long ε.
  const several = { ...rest, points: points.map((point, i) => (i === 0 ? { ...point, epsilon: 8 / 255 } : point)) };

  it("folds counts and intervals, and cuts no number", () => {
    expect(
      toTable({ ...evaluation, points: evaluation.points.slice(0, 1) }, { color: false, width: 40 }).split("\n"),
    ).toEqual([
      "┌──────┬─────────┬──────────┬──────────┐",
      "│    ε │ correct │ accuracy │      95% │",
      "│      │         │          │ interval │",
      "├──────┼─────────┼──────────┼──────────┤",
      "│    0 │ 9,810 / │   98.10% │  97.81 – │",
      "│      │  10,000 │          │   98.35% │",
      "│ 0.05 │ 9,426 / │   94.26% │  93.79 – │",
      "│      │  10,000 │          │   94.70% │",
      "└──────┴─────────┴──────────┴──────────┘",
    ]);
  });

  it("has the names of attacks on lines of their own", () => {
    const lines = toTable(several, { color: false, width: 40 }).split("\n");
    const inner = lines[0]!.length - 2;
    const names = ["clean", "fgsm L∞", "autoattack-plus L∞", "robust accuracy"];
    expect(lines.filter((line) => /^│[^│]*│$/.test(line))).toEqual(names.map((name) => `│${name.padEnd(inner)}│`));
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([inner + 2]));
  });

  it.each([40, 50, 60, 80, 120])("keeps to %i columns, with every number", (width) => {
    const lines = toTable(several, { color: false, width }).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    const numbers = (text: string) => (text.match(/\d[\d.,]*%?/g) ?? []).sort();
    expect(numbers(lines.join("\n"))).toEqual(numbers(toTable(several, { color: false })));
    expect(lines.join("\n")).toContain("autoattack-plus L∞");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours begin with one.
    expect(toTable(several, { color: true, width }).replace(/\u001b\[\d+m/g, "")).toBe(lines.join("\n")); // oxlint-disable-line no-control-regex
  });
});

describe("toCurve", () => {
  const lines = toCurve(evaluation, { width: 80, height: 16 }).split("\n");

  it("marks each point at its height", () => {
    const plot = lines.slice(0, 14);
    const marks = plot.flatMap((line, row) =>
      Array.from(line, (letter, column) => ({ letter, row, column })).filter(({ letter }) => letter === "●"),
    );
    const expected = [evaluation.clean, ...evaluation.points].map(({ accuracy }) =>
      Math.floor(Math.round((1 - accuracy) * 55) / 4),
    );
    expect(marks.toSorted((a, b) => a.column - b.column).map(({ row }) => row)).toEqual(expected);
    expect(marks.toSorted((a, b) => a.column - b.column).map(({ column }) => column)).toEqual([
      6, 17, 28, 39, 49, 60, 71,
    ]);
  });

  it("has axes from 0 to 100% and with the values of ε", () => {
    expect(lines[0]).toMatch(/^100% ┤/);
    expect(lines[13]).toMatch(/^ {2}0% ┤/);
    expect(lines[14]!.match(/┬/g)).toHaveLength(7);
    expect(lines[15]!.trim().split(/\s+/)).toEqual(["0", "0.05", "0.1", "0.15", "0.2", "0.25", "0.3", "ε", "(L∞)"]);
  });

  it("tells several attacks apart without colour", () => {
    const text = toCurve(fixture({ attacks: ["fgsm", "pgd"] }).evaluation, { width: 60, height: 16 });
    expect(text).toContain("● fgsm L∞");
    expect(text).toContain("■ pgd L∞");
  });

  it("keeps its size, whatever the size and the points", () => {
    const results = fc.array(
      fc.record({
        epsilon: fc.double({ min: 0, max: 1e6, noNaN: true }),
        accuracy: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(
        results,
        fc.integer({ min: 32, max: 120 }),
        fc.integer({ min: 6, max: 40 }),
        (points, width, height) => {
          const text = toCurve(
            { ...evaluation, points: points.map((point) => ({ ...evaluation.points[0]!, ...point })) },
            { width, height },
          );
          const rows = text.split("\n");
          expect(rows.length).toBe(height);
          for (const row of rows) expect(row.length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
