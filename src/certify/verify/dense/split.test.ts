import { describe, expect, it } from "vitest";
import { randomFor } from "../../../random.ts";
import { fromNumber } from "../../vnnlib/decimal.ts";
import type { Case } from "../property.ts";
import type { Runs } from "../runs.ts";
import { Forms } from "./forms.ts";
import type { Layer } from "./layers.ts";
import { outputsOf } from "./runs.ts";
import { DenseSplit } from "./split.ts";

const random = randomFor(5, 0);
const some = (n: number) => Float64Array.from({ length: n }, () => Math.fround(2 * random.uniform() - 1));
const network = (): Layer[] =>
  [2, 10, 10, 1].slice(1).map((outputs, i) => {
    const inputs = [2, 10, 10][i]!;
    return { inputs, outputs, weights: some(inputs * outputs), bias: some(outputs), isRelu: i < 2 };
  });
const runsOf = (layers: readonly Layer[]): Runs => ({
  outputs: async (x) => outputsOf(layers, x.data as Float32Array),
  gradients: undefined,
  fileOutput: async (x) => outputsOf(layers, x),
  release: async () => {},
});
const below = (limit: number): Case => ({
  lower: Float32Array.of(-1, -1),
  upper: Float32Array.of(1, 1),
  outputs: [{ coefficients: new Map([[0, fromNumber(1)]]), limit: fromNumber(limit), isStrict: false }],
});
const forever = { late: () => false, signal: undefined };

describe("halving, of networks whose least value a grid tells", () => {
  it.each([0, 1, 2, 3])("proves what is below it, and finds what is not (%i)", async () => {
    const layers = network();
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i <= 120; i++)
      for (let j = 0; j <= 120; j++) least = Math.min(least, outputsOf(layers, [i / 60 - 1, j / 60 - 1])[0]!);
    const run = (...limits: number[]) =>
      new DenseSplit(
        layers,
        new Forms(layers),
        runsOf(layers),
        limits.map((v) => below(Math.fround(v))),
      ).run(forever);
    expect((await run(least - 0.3, least - 0.2)).kind).toBe("proven");
    const found = await run(least - 0.3, least + 0.001);
    if (found.kind !== "witness") throw new Error(found.kind);
    expect(found.witness.output[0]).toBeLessThanOrEqual(Math.fround(least + 0.001));
    expect(found.witness.input.every((v) => Math.abs(v) <= 1)).toBe(true);
  });

  it("goes on where it stopped, and gives up where no float32 number is between the ends", async () => {
    const layers = network();
    const split = new DenseSplit(layers, new Forms(layers), runsOf(layers), [below(-100)]);
    expect(await split.run(forever)).toEqual({ kind: "proven", domains: 1 });
    // |x| by float32 is 0 at 0, and nothing less: what is below by less than rounding stays open.
    const abs: Layer[] = [
      { inputs: 2, outputs: 2, weights: Float64Array.of(1, 1, -1, -1), bias: new Float64Array(2), isRelu: true },
      { inputs: 2, outputs: 1, weights: Float64Array.of(1, 1), bias: new Float64Array(1), isRelu: false },
    ];
    const open = new DenseSplit(abs, new Forms(abs), runsOf(abs), [below(-1e-35)]);
    expect(await open.run({ ...forever, most: 3 })).toMatchObject({ kind: "open", domains: 3 });
    expect(await open.run({ ...forever, most: 4 })).toMatchObject({ kind: "open" });
    expect(open.domains).toBe(7);
    expect(await open.run({ ...forever, late: () => true, most: 1e7 })).not.toMatchObject({ kind: "proven" });
  });
});
