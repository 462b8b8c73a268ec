import { describe, expect, it } from "vitest";
import { type Random, randomFor } from "../../../random.ts";
import { CaseBounds } from "./cases.ts";
import { Forms, type NeuronEnds } from "./forms.ts";
import type { Layer } from "./layers.ts";

const signed = (random: Random): number => 2 * random.uniform() - 1;

/** Layers of random float32 numbers, the last without Relu. */
function network(random: Random, sizes: readonly number[], scale = 1): Layer[] {
  return sizes.slice(1).map((outputs, i) => {
    const inputs = sizes[i]!;
    const some = (n: number, by: number) => Float64Array.from({ length: n }, () => Math.fround(by * signed(random)));
    const isRelu = i < sizes.length - 2;
    return {
      inputs,
      outputs,
      weights: some(inputs * outputs, scale / Math.sqrt(inputs) + 0.3),
      bias: some(outputs, 0.3),
      isRelu,
    };
  });
}

/** What float32 gives where it adds in a random order; all that Relus read, then the outputs. */
function inFloat32(layers: readonly Layer[], x: Float32Array, random: Random): { read: number[]; y: Float32Array } {
  const read: number[] = [];
  let value = x;
  for (const { inputs, outputs, weights, bias, isRelu } of layers) {
    const next = Float32Array.from({ length: outputs }, (_, j) => {
      const terms = Array.from({ length: inputs }, (__, k) => Math.fround(weights[j * inputs + k]! * value[k]!));
      terms.push(bias[j]!);
      while (terms.length > 1) {
        const [one] = terms.splice(random.integer(terms.length), 1);
        const at = random.integer(terms.length);
        terms[at] = Math.fround(terms[at]! + one!);
      }
      return terms[0]!;
    });
    if (isRelu) read.push(...next);
    value = isRelu ? next.map((z) => Math.max(0, z)) : next;
  }
  return { read, y: value };
}

const unknown = (forms: Forms): NeuronEnds => ({
  lower: new Float64Array(forms.neurons).fill(Number.NEGATIVE_INFINITY),
  upper: new Float64Array(forms.neurons).fill(Number.POSITIVE_INFINITY),
});

function boxOf(random: Random, inputs: number, half: number) {
  const centre = Array.from({ length: inputs }, () => 2 * signed(random));
  const wide = centre.map(() => half * random.uniform());
  return {
    lower: Float32Array.from(centre, (c, i) => c - wide[i]!),
    upper: Float32Array.from(centre, (c, i) => c + wide[i]!),
  };
}

const pointIn = ({ lower, upper }: ReturnType<typeof boxOf>, random: Random): Float32Array =>
  lower.map((l, i) => {
    const share = random.integer(3) === 0 ? random.integer(2) : random.uniform();
    return Math.min(upper[i]!, Math.max(l, l + (upper[i]! - l) * share));
  });

const sum = (row: ArrayLike<number>, y: ArrayLike<number>): number =>
  Array.from(row).reduce((all, by, k) => all + by * y[k]!, 0);

describe("bounds of dense networks over boxes, ever smaller, of which each is in the one before", () => {
  it.each([0, 1])("nothing that float32 computes, in any order, is below or outside of them (%i)", (seed) => {
    const random = randomFor(seed, 0);
    for (let trial = 0; trial < 5; trial++) {
      const sizes = [
        1 + random.integer(4),
        ...Array.from({ length: 1 + random.integer(4) }, () => 2 + random.integer(12)),
        3,
      ];
      const layers = network(random, sizes, [0.5, 1, 3][trial % 3]!);
      const forms = new Forms(layers);
      let box = boxOf(random, sizes[0]!, 3);
      let ends = unknown(forms);
      for (let step = 0; step < 6; step++) {
        ends = { lower: ends.lower.slice(), upper: ends.upper.slice() };
        forms.enclose(box.lower, box.upper, ends);
        const row = Float64Array.from({ length: 3 }, () => signed(random));
        const line = forms.line({
          row,
          parts: row.map(Math.abs),
          limit: random.integer(2) === 0 ? 1e9 : 0,
          steps: random.integer(4),
        });
        for (let i = 0; i < 20; i++) {
          const x = pointIn(box, random);
          const { read, y } = inFloat32(layers, x, random);
          for (const [k, z] of read.entries()) {
            expect(z).toBeGreaterThanOrEqual(ends.lower[k]!);
            expect(z).toBeLessThanOrEqual(ends.upper[k]!);
          }
          const rise = line.slopes.reduce(
            (all, a, k) => all + a * (x[k]! - forms.centre[k]!) + Math.abs(a) * forms.half[k]!,
            0,
          );
          expect(line.least + rise).toBeLessThanOrEqual(sum(row, y) + 1e-9 * (1 + Math.abs(line.least) + rise));
        }
        const at = random.integer(sizes[0]!);
        const middle = Math.fround((box.lower[at]! + box.upper[at]!) / 2);
        box =
          random.integer(2) === 0
            ? { ...box, upper: box.upper.with(at, middle) }
            : { ...box, lower: box.lower.with(at, middle) };
      }
    }
  });

  it("what was known of other boxes changes nothing", () => {
    const random = randomFor(7, 0);
    const layers = network(random, [3, 12, 12, 12, 2], 2);
    const used = new Forms(layers);
    const row = Float64Array.of(1, -1);
    for (let i = 0; i < 40; i++) {
      const { lower, upper } = boxOf(random, 3, [2, 0.3, 0.05][i % 3]!);
      const bounds = [used, new Forms(layers)].map((forms) => {
        forms.enclose(lower, upper, unknown(forms));
        return forms.line({ row, parts: row.map(Math.abs), limit: 0, steps: 3 });
      });
      expect(bounds[0]).toEqual(bounds[1]);
    }
  });

  it("the least value of |x| - x/2 over [-1, 2], by hand", () => {
    // Lines: x ≤ relu(x), and 0 ≤ relu(-x), as more of x is above 0 and less of -x: their sum less x/2 is x/2.
    const layers: Layer[] = [
      { inputs: 1, outputs: 3, weights: Float64Array.of(1, -1, 1), bias: Float64Array.of(0, 0, 8), isRelu: true },
      { inputs: 3, outputs: 1, weights: Float64Array.of(1, 1, -0.5), bias: Float64Array.of(4), isRelu: false },
    ];
    const forms = new Forms(layers);
    const bound = (low: number, high: number, steps: number) => {
      forms.enclose(Float32Array.of(low), Float32Array.of(high), unknown(forms));
      return forms.line({ row: Float64Array.of(1), parts: Float64Array.of(1), limit: 9, steps }).least;
    };
    expect(bound(-1, 2, 0)).toBeCloseTo(-0.5, 4);
    // Any α·x + (α' - 1 … )·x: the best line is level, and 0 is the least value.
    expect(bound(-1, 2, 40)).toBeGreaterThan(-0.02);
    expect(bound(0, 2, 0)).toBeCloseTo(0, 4);
    expect(bound(0.5, 2, 0)).toBeCloseTo(0.25, 4);
  });

  it("a sum that loses its input beside a large number proves nothing of the input", () => {
    const layers: Layer[] = [
      { inputs: 1, outputs: 1, weights: Float64Array.of(1), bias: Float64Array.of(2 ** 27), isRelu: true },
      { inputs: 1, outputs: 1, weights: Float64Array.of(1), bias: Float64Array.of(-(2 ** 27)), isRelu: false },
    ];
    const forms = new Forms(layers);
    forms.enclose(Float32Array.of(1), Float32Array.of(3), unknown(forms));
    expect(forms.line({ row: Float64Array.of(1), parts: Float64Array.of(1), limit: 0.5 }).least).toBeLessThan(0);
  });

  it.each([
    [2 ** 70, "sums beyond the range"],
    [Number.NaN, "no number"],
  ])("weights of %d: %s", (weight) => {
    const layers: Layer[] = [
      { inputs: 1, outputs: 1, weights: Float64Array.of(weight), bias: Float64Array.of(1), isRelu: true },
      { inputs: 1, outputs: 1, weights: Float64Array.of(1), bias: Float64Array.of(1), isRelu: false },
    ];
    const forms = new Forms(layers);
    forms.enclose(Float32Array.of(-1), Float32Array.of(1), unknown(forms));
    expect(forms.line({ row: Float64Array.of(1), parts: Float64Array.of(1), limit: 0 }).least > -1e9).toBe(false);
  });
});

describe("what bounds leave of a box for a case", () => {
  it("has every input that fulfils all of its conditions", () => {
    const random = randomFor(11, 0);
    let [found, cut, proven] = [0, 0, 0];
    for (let trial = 0; trial < 30; trial++) {
      const layers = network(random, [3, 8, 8, 3], 1.5);
      const forms = new Forms(layers);
      const box = boxOf(random, 3, [1.5, 0.5, 0.1][trial % 3]!);
      forms.enclose(box.lower, box.upper, unknown(forms));
      const { y } = inFloat32(layers, pointIn(box, random), random);
      const rows = [Float64Array.of(1, -1, 0), Float64Array.of(0, 1, -1)].slice(0, 1 + (trial % 2));
      const limits = rows.map((row) => sum(row, y) - 0.2 * random.uniform());
      const of = { lower: box.lower, upper: box.upper, outputs: [] };
      const bounds = new CaseBounds(of, 3);
      Object.assign(bounds.conditions, { rows, limits });
      const room = bounds.room(forms, box, new Float64Array(3));
      if (!room) proven++;
      else if (room.lower.some((l, i) => l > box.lower[i]!) || room.upper.some((u, i) => u < box.upper[i]!)) cut++;
      for (let i = 0; i < 100; i++) {
        const x = pointIn(box, random);
        const { y: output } = inFloat32(layers, x, random);
        if (!rows.every((row, k) => sum(row, output) <= limits[k]!)) continue;
        found++;
        expect(room).toBeDefined();
        expect(x.findIndex((v, k) => !(v >= room!.lower[k]! && v <= room!.upper[k]!))).toBe(-1);
      }
    }
    expect(found).toBeGreaterThan(50);
    expect(cut).toBeGreaterThan(5);
    expect(proven).toBeGreaterThan(0);
  });
});
