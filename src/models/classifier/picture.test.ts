import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { floats, graphOf, linearGraph, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { toPixels } from "../../datasets/pixels.ts";
import { centerCrop, type Picture, resample } from "../../datasets/resample.ts";
import type { Goal } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { product } from "../../tensor.ts";
import type { PictureSteps } from "../preprocessing/preprocessing.ts";
import { resizedTo } from "../preprocessing/resampling.ts";
import type { Perturbed } from "./picture.ts";

/** Edges, flat parts and noise, black and white among them, as pictures have them; channels last. */
function somePicture(width: number, height: number, channels: 1 | 3, seed: number): Picture {
  const random = randomFor(seed, 0);
  const noise = [0, 30, 255][seed % 3]!;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    const flat = (x + 2 * y) % 23 < 9 ? 0 : (3 * x + y) % 17 < 8 ? 255 : 90 + 40 * (i % channels);
    return Math.max(0, Math.min(255, Math.round(flat + noise * (random.uniform() - 0.5))));
  });
  return { width, height, channels, data };
}

function prepared(picture: Picture, { resize, crop, cropRounding, interpolation, antialias }: PictureSteps): Picture {
  const how = { ...(interpolation && { interpolation }), ...(antialias !== undefined && { antialias }) };
  const made = resize === undefined ? picture : resample(picture, ...resizedTo(picture, resize), how);
  if (crop === undefined) return made;
  const [height, width] = typeof crop === "number" ? [crop, crop] : crop;
  return centerCrop(made, width, height, cropRounding);
}

const planes = ({ data, channels }: Picture): Float32Array => {
  const pixels = toPixels(data);
  const size = data.length / channels;
  return pixels.map((_, i) => pixels[(i % size) * channels + Math.floor(i / size)]!);
};

/** What a network gets that answers with its input. */
async function given(picture: Picture, steps: PictureSteps, last: boolean): Promise<Float32Array> {
  const { width, height, channels } = picture;
  const to = prepared(picture, steps);
  const shape = last ? [height, width, channels] : [channels, height, width];
  const network = last ? [to.height, to.width, channels] : [channels, to.height, to.width];
  const graph = graphOf(network, (b, x) => b.reshape(x, [-1, product(network)]));
  return using(open(graph, { perturb: "picture", preprocessing: steps, shape }), async (model) => {
    expect(model.inputShape).toEqual(shape);
    const x = last ? toPixels(picture.data) : planes(picture);
    return (await model.logits(floats([1, ...shape], x))).data;
  });
}

const CASES: readonly (readonly [width: number, height: number, steps: PictureSteps])[] = [
  [53, 37, { resize: 24, crop: 20 }],
  [37, 53, { resize: 24, crop: 20, interpolation: "bicubic" }],
  [20, 90, { resize: [16, 18], interpolation: "lanczos" }],
  [90, 20, { resize: [18, 16], interpolation: "lanczos" }],
  [64, 64, { resize: 32 }],
  [64, 48, { resize: [24, 32], interpolation: "bicubic" }],
  [17, 23, { resize: 40, crop: 36 }],
  [17, 23, { resize: 40, crop: 36, interpolation: "bicubic" }],
  [40, 31, { resize: 31, crop: 25 }],
  [40, 31, { resize: [31, 20], crop: [15, 29] }],
  [30, 22, { crop: [15, 17] }],
  [30, 23, { crop: [20, 15], cropRounding: "down" }],
  [13, 11, { crop: 16 }],
  [13, 11, { resize: 9, crop: 16 }],
  [53, 37, { resize: 24, interpolation: "nearest" }],
  [17, 23, { resize: 40, crop: 37, interpolation: "nearest" }],
  [600, 9, { resize: [9, 5], interpolation: "lanczos" }],
];

describe("a picture at its own size", () => {
  it.each(CASES)("%i × %i, %o: the network gets the bytes of the data's pipeline", async (width, height, steps) => {
    for (const [channels, seed] of [
      [3, 0],
      [3, 1],
      [1, 2],
    ] as const) {
      const picture = somePicture(width, height, channels, seed);
      const expected = prepared(picture, steps);
      expect([...(await given(picture, steps, false))]).toEqual([...planes(expected)]);
      expect([...(await given(picture, steps, true))]).toEqual([...toPixels(expected.data)]);
    }
  });

  it.each([
    [53, 37, { resize: 24, crop: 20 }],
    [64, 48, { resize: 24 }],
    [37, 53, { resize: 24, interpolation: "bicubic" }],
    [17, 23, { resize: 40, interpolation: "bicubic" }],
  ] as const)(
    "%i × %i, %o, without antialias: at most one in 1000 is another byte, by one",
    async (width, height, how) => {
      const steps = { ...how, antialias: false };
      let [others, all] = [0, 0];
      for (const seed of [0, 1, 2]) {
        const picture = somePicture(width, height, 3, seed);
        const expected = planes(prepared(picture, steps));
        const found = await given(picture, steps, false);
        all += found.length;
        for (const [i, v] of found.entries()) {
          others += Number(v !== expected[i]);
          expect(Math.abs(v - expected[i]!)).toBeLessThan(1.01 / 255);
        }
      }
      expect(others).toBeLessThanOrEqual(all / 1000);
    },
  );

  it("rounds what lies between 8-bit values, and has the gradient of the steps without rounding", async () => {
    const [width, height] = [21, 14];
    const steps: PictureSteps = { resize: 10, crop: 9, interpolation: "bicubic" };
    const shape = [3, height, width];
    const weights = numbers(3 * 9 * 9 * 2, 5);
    const options = { preprocessing: { ...steps, mean: [0.4, 0.5, 0.6], std: [0.2, 0.3, 0.25] }, shape };
    const goal: Goal = { kind: "untargeted", labels: Int32Array.of(0) };
    // Grey, so that no sum leaves the bytes.
    const x = numbers(3 * height * width, 6, 0.35, 0.65);
    await using(open(linearGraph([3, 9, 9], weights, [0, 0]), { ...options, perturb: "picture" }), async (model) => {
      expect(model.levels).toBe(256);
      const bytes = x.map((v) => Math.fround(Math.floor(v * 255 + 0.5) / 255));
      const at = async (values: Float32Array) => [...(await model.logits(floats([1, ...shape], values))).data];
      expect(await at(x)).toEqual(await at(bytes));
      // The loss of two classes is that of their margin, which is linear: its slope at the margin that was found.
      const [a, b] = await at(bytes);
      const slope = 1 / (1 + Math.exp(a! - b!));
      const { gradient } = await model.gradient(floats([1, ...shape], bytes), goal);
      // Without rounding: sums of the resampling's own weights, in float64, by central differences of single pixels.
      const margin = (values: Float64Array) => unrounded(values, width, height, steps, options.preprocessing, weights);
      for (const i of [0, 40, 101, 150, 293, 500, 811, 881]) {
        const difference = (by: number) => margin(Float64Array.from(bytes, (v, j) => (j === i ? v + by : v)));
        const expected = (slope * (difference(1e-3) - difference(-1e-3))) / 2e-3;
        expect(Math.abs(gradient.data[i]! - expected)).toBeLessThan(1e-5);
      }
    });
  });

  it("refuses what it cannot follow", async () => {
    const graph = smallNetwork([3, 8, 8], 3);
    const shape = [3, 20, 30];
    const says = async (options: Parameters<typeof open>[1], code: "usage" | "mismatch" = "usage") =>
      (await failure(code, () => open(graph, { perturb: "picture", ...options }))).message;
    expect(await says({ shape })).toContain("`preprocessing.resize`");
    expect(await says({ preprocessing: { resize: 8, crop: 8 } })).toContain("needs the shape of the pictures");
    expect(await says({ shape: [600], preprocessing: { crop: 8 } })).toContain("these have [600]");
    expect(await says({ shape, preprocessing: { crop: 8 }, bounds: { lower: -1, upper: 1 } })).toContain("`bounds`");
    expect(await says({ shape, preprocessing: { resize: 8 } }, "mismatch")).toContain("[3,8,12]");
    expect(await says({ shape, perturb: "image" as Perturbed })).toContain('got "image"');
  });
});

/** z1 - z0 of a linear network behind steps that do not round. */
function unrounded(
  x: Float64Array,
  width: number,
  height: number,
  { resize, crop }: PictureSteps,
  { mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] },
  weights: Float32Array,
): number {
  const [wide, tall] = resizedTo({ width, height }, resize!);
  const side = crop as number;
  const cubic = (v: number) => {
    const t = Math.abs(v);
    return t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : t < 2 ? -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2 : 0;
  };
  const lines = (size: number, to: number) =>
    Array.from({ length: to }, (_, k) => {
      const scale = size / to;
      const raw = Array.from({ length: size }, (_, i) => cubic((i + 0.5 - (k + 0.5) * scale) / Math.max(1, scale)));
      const sum = raw.reduce((a, b) => a + b, 0);
      return raw.map((w) => w / sum);
    });
  const [columns, rows] = [lines(width, wide), lines(height, tall)];
  const even = (v: number) => (v % 1 === 0.5 ? 2 * Math.round(v / 2) : Math.round(v));
  const [left, top] = [even((wide - side) / 2), even((tall - side) / 2)];
  let margin = 0;
  for (let c = 0; c < 3; c++)
    for (let y = 0; y < side; y++)
      for (let k = 0; k < side; k++) {
        let sum = 0;
        for (let i = 0; i < height; i++)
          for (let j = 0; j < width; j++)
            sum += rows[y + top]![i]! * columns[k + left]![j]! * x[(c * height + i) * width + j]!;
        const at = 2 * ((c * side + y) * side + k);
        margin += ((weights[at + 1]! - weights[at]!) * (sum - mean[c]!)) / std[c]!;
      }
  return margin;
}
