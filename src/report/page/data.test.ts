import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { exampleRows } from "../pictures/examples.ts";
import { decode, type ReportData, reportData } from "./data.ts";

/** The data as the page reads them. */
function dataOf(shape: readonly number[], attacks?: readonly string[]) {
  const result = fixture({ shape, ...(attacks && { attacks }) });
  const data = JSON.parse(JSON.stringify(reportData(result, exampleRows(result), null))) as ReportData;
  return { result, data, values: (place: number) => decode(data.values, place, data.bounds) };
}

describe("the examples as data", () => {
  it("have the values of the samples, to the last bit", () => {
    const { result, data, values } = dataOf([1, 28, 28], ["fgsm", "pgd"]);
    const { evaluation, pictures, cleanExamples } = result;
    expect(data.values).toMatchObject({ bits: 32, factor: 1, shape: [1, 28, 28] });
    expect(data.examples).toHaveLength(5 + 12 * 5);
    for (const [i, example] of data.examples.slice(0, 5).entries()) {
      expect(example.adversarial).toBe(example.original);
      expect(values(example.original)).toEqual(cleanExamples[i]!.original);
    }
    const shown = evaluation.points.flatMap((point, i) =>
      point.examples.map((_, j) => ({ ...point, ...pictures[i]![j]! })),
    );
    for (const [i, { epsilon, attack, adversarial }] of shown.entries()) {
      const example = data.examples[5 + i]!;
      expect(example).toMatchObject({ epsilon, attack: `${attack} L∞` });
      expect(values(example.adversarial)).toEqual(adversarial);
    }
  });

  it("hold a sample once, and have its true distances", () => {
    const { result, data, values } = dataOf([1, 28, 28]);
    const indices = new Set(data.examples.map(({ index }) => index));
    expect(data.values.base64).toHaveLength(indices.size + 30);
    const { original, adversarial } = result.pictures[2]![3]!;
    const differences = Array.from(original, (value, i) => Math.abs(adversarial[i]! - value));
    const { distances, ...example } = data.examples[5 + 2 * 5 + 3]!;
    expect(distances.linf).toBeCloseTo(Math.max(...differences), 6);
    expect(distances.l2 / Math.hypot(...differences)).toBeCloseTo(1, 5);
    expect(distances.l1 / differences.reduce((sum, d) => sum + d, 0)).toBeCloseTo(1, 5);
    expect(distances.l0).toBe(differences.filter((d) => d > 0).length);
    expect(values(example.adversarial)).toEqual(adversarial);
  });

  it("are pixels of 8 bits where they are large, channels last", () => {
    const { result, data, values } = dataOf([3, 48, 40]);
    expect(data.values).toMatchObject({ bits: 8, factor: 1, shape: [48, 40, 3] });
    const { adversarial } = result.pictures[4]![1]!;
    const seen = values(data.examples[5 + 4 * 5 + 1]!.adversarial);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < 48 * 40; i++)
        expect(Math.abs(seen[3 * i + c]! - adversarial[c * 48 * 40 + i]!)).toBeLessThanOrEqual(0.5 / 255 + 1e-6);
  });

  it("are made smaller where all of them would be too much", () => {
    const { data, values } = dataOf([3, 240, 220]);
    const { shape, factor, base64 } = data.values;
    expect(factor).toBeGreaterThan(1);
    expect(shape).toEqual([Math.ceil(240 / factor), Math.ceil(220 / factor), 3]);
    expect(values(0)).toHaveLength(shape[0]! * shape[1]! * 3);
    expect(base64.reduce((sum, text) => sum + text.length, 0)).toBeLessThan(12 * 2 ** 20);
  });
});
