import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { tensor } from "../tensor.ts";
import { type Augmentation, augmented, checkAugmentation } from "./augment.ts";

const [HEIGHT, WIDTH] = [4, 5];
const bounds = { lower: 0, upper: 1000 };
const first = [1, HEIGHT, WIDTH] as const;

/** So many pictures of which pixel (y, x) of channel c is 100 c + 10 (y + 1) + x + 1. */
function pictures(count: number, dims: readonly [number, number, number]) {
  const isFirst = dims[0] <= 3;
  const [channels, height, width] = isFirst ? dims : [dims[2], dims[0], dims[1]];
  const data = new Float32Array(count * channels * height * width);
  for (let i = 0; i < count; i++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const at = isFirst ? (c * height + y) * width + x : (y * width + x) * channels + c;
          data[i * channels * height * width + at] = 100 * c + 10 * (y + 1) + x + 1;
        }
  const indices = Int32Array.from({ length: count }, (_, i) => 7 * i);
  return { x: tensor("float32", [count, ...dims], data), labels: new Int32Array(count), indices };
}

const rowsOf = (data: Float32Array): string[] =>
  Array.from({ length: data.length / WIDTH }, (_, y) => [...data.subarray(y * WIDTH, (y + 1) * WIDTH)].join(" "));

/** The different pictures that many samples become. */
function outcomes(how: Augmentation): Map<string, number> {
  const { x } = augmented(pictures(400, first), how, { seed: 3, epoch: 1, bounds });
  const size = HEIGHT * WIDTH;
  const found = new Map<string, number>();
  for (let i = 0; i < 400; i++) {
    const key = rowsOf(x.data.subarray(i * size, (i + 1) * size)).join("/");
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}

describe("pictures", () => {
  it("are flipped left to right, one of two", () => {
    const found = outcomes({ flip: true });
    const [plain, mirrored] = [
      "11 12 13 14 15/21 22 23 24 25/31 32 33 34 35/41 42 43 44 45",
      "15 14 13 12 11/25 24 23 22 21/35 34 33 32 31/45 44 43 42 41",
    ];
    expect([...found.keys()].sort()).toEqual([plain, mirrored].sort());
    for (const count of found.values()) expect(count).toBeGreaterThan(160);
  });

  it("are shifted by up to so many pixels, each way as often, 0 coming in", () => {
    const found = outcomes({ shift: 1 });
    expect(found.size).toBe(9);
    expect(found.has("0 0 0 0 0/0 11 12 13 14/0 21 22 23 24/0 31 32 33 34")).toBe(true);
    expect(found.has("22 23 24 25 0/32 33 34 35 0/42 43 44 45 0/0 0 0 0 0")).toBe(true);
    for (const count of found.values()) expect(count).toBeGreaterThan(20);
  });

  it("are padded by mirrored pixels and cropped", () => {
    const found = outcomes({ crop: 2 });
    expect(found.size).toBe(25);
    expect(found.has("33 32 31 32 33/23 22 21 22 23/13 12 11 12 13/23 22 21 22 23")).toBe(true);
    expect(found.has("33 34 35 34 33/43 44 45 44 43/33 34 35 34 33/23 24 25 24 23")).toBe(true);
  });

  it("change by seed, sample and epoch, not by the batch; what comes in is inside the bounds", () => {
    const how = { flip: true, shift: 2, crop: 1 };
    const when = { seed: 3, epoch: 1, bounds };
    const all = pictures(12, first);
    const whole = augmented(all, how, when);
    const size = HEIGHT * WIDTH;
    const half = { ...all, x: { ...all.x, dims: [6, ...first], data: all.x.data.slice(6 * size) } };
    const second = augmented({ ...half, indices: all.indices.slice(6) }, how, when);
    expect(second.x.data).toEqual(whole.x.data.slice(6 * size));
    expect(augmented(all, how, { ...when, epoch: 2 }).x.data).not.toEqual(whole.x.data);
    expect(augmented(all, how, { ...when, seed: 4 }).x.data).not.toEqual(whole.x.data);
    const raised = augmented(all, { shift: 2 }, { ...when, bounds: { lower: 5, upper: 1000 } });
    expect(Math.min(...raised.x.data)).toBe(5);
  });

  it("are changed alike in all channels, wherever these stand", () => {
    const how = { flip: true, shift: 1, crop: 1 };
    const when = { seed: 0, epoch: 0, bounds };
    const one = augmented(pictures(5, [3, HEIGHT, WIDTH]), how, when).x.data;
    const other = augmented(pictures(5, [HEIGHT, WIDTH, 3]), how, when).x.data;
    const plane = HEIGHT * WIDTH;
    for (let i = 0; i < 5; i++)
      for (let c = 0; c < 3; c++)
        for (let at = 0; at < plane; at++)
          expect(other[i * 3 * plane + at * 3 + c]).toBe(one[i * 3 * plane + c * plane + at]);
  });

  it("alone can be changed, and not by more pixels than they have", async () => {
    const of = (shape: readonly number[]) =>
      datasetOf({ x: new Float32Array(20), shape, labels: [0, 1].slice(0, 20 / shape.reduce((a, b) => a * b)), classes: 2 }); // biome-ignore format: one call
    checkAugmentation({ flip: true, shift: 3 }, of(first));
    await failure("usage", () => checkAugmentation({ shift: 4 }, of(first)));
    await failure("usage", () => checkAugmentation({ crop: 1.5 }, of(first)));
    await failure("usage", () => checkAugmentation({ flip: true }, of([20])));
  });
});
