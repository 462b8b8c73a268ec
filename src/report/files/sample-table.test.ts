import { describe, expect, it } from "vitest";
import { fooledSample, sampleRecord } from "../../../test/support/sample-records.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { rowsOf, tabulate } from "./sample-table.ts";

const OUTCOMES = ["misclassified", "skipped", "fooled", "error", "not-fooled"] as const;

/** Records of every outcome, by two attacks, with numbers of all sizes. */
const some = (count: number): SampleRecord[] =>
  Array.from({ length: count }, (_, i) => {
    const outcome = OUTCOMES[i % OUTCOMES.length]!;
    const numbers = { linf: 0.1 / 3, l2: Math.sin(i) ** 2 / 7, l1: 1e4 / (i + 1), l0: i, epsilon: 8 / 255 };
    return {
      ...(outcome === "fooled" ? { ...fooledSample, ...numbers, attack: i % 2 === 0 ? "fgsm" : "pgd" } : sampleRecord),
      outcome,
      index: 3 * i,
      prediction: outcome === "error" ? -1 : i % 10,
      margin: Math.cos(i) * 10 ** ((i % 12) - 6),
      queries: i,
    };
  });

describe("a table of samples", () => {
  it("gives back the rows as text gives them, to six significant digits", () => {
    const records = some(500);
    const { add, table } = tabulate();
    for (let i = 0; i < records.length; i += 70) add(records.slice(i, i + 70));
    const rows = rowsOf(JSON.parse(JSON.stringify(table())));
    expect(rows).toHaveLength(500);
    for (const [i, row] of rows.entries())
      for (const [key, value] of Object.entries(row)) {
        // Of a run that does not certify, nothing is said of certificates.
        const expected = records[i]![key as keyof SampleRecord] ?? null;
        const exact = typeof expected !== "number" || Number.isInteger(expected);
        if (exact) expect(value, `${key} of ${i}`).toBe(expected);
        else
          expect(Math.abs((value as number) - expected), `${key} of ${i}`).toBeLessThanOrEqual(
            Math.abs(expected) * 5e-6,
          );
      }
    expect(Object.keys(rows[0]!)).toHaveLength(15);
  });

  it("names the file of each sample, where the data has files", () => {
    const { add, table } = tabulate();
    add(some(3).map((record, i) => ({ ...record, source: i === 1 ? null : `cat/${i}.png` })));
    expect(rowsOf(table()).map(({ source }) => source)).toEqual(["cat/0.png", null, "cat/2.png"]);
    const plain = tabulate();
    plain.add(some(2));
    expect(plain.table()).not.toHaveProperty("sources");
  });

  it("holds the first 20,000, and says how many there were", () => {
    const { add, table } = tabulate();
    for (let from = 0; from < 20_500; from += 500) add(some(500));
    expect(table().total).toBe(20_500);
    expect(rowsOf(table())).toHaveLength(20_000);
    // Fooled samples keep their own numbers to the end.
    expect(rowsOf(table()).at(-3)).toMatchObject({ outcome: "fooled", l0: 497, attack: "pgd" });
  });

  it("is short", () => {
    const { add, table } = tabulate();
    add(some(10_000));
    expect(JSON.stringify(table()).length).toBeLessThan(600_000);
  });
});
