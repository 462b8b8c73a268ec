import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { type Tensor, tensor } from "../tensor.ts";
import { readImage } from "./image.node.ts";
import { writeNpy } from "./npy.ts";

let temporary = "";
const at = (name: string) => join(temporary, name);
const save = async (name: string, array: Tensor): Promise<string> => {
  await writeFile(at(name), writeNpy(array));
  return at(name);
};

/** Two pixels: (255, 0, 51) and (0, 102, 255). */
const RGB = [255, 0, 51, 0, 102, 255];
const unit = (bytes: readonly number[]) => Float32Array.from(bytes, (v) => v / 255);

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "perturb-image-"));
  await sharp(Uint8Array.from(RGB), { raw: { width: 2, height: 1, channels: 3 } })
    .png()
    .toFile(at("two.png"));
  await sharp(new Uint8Array(16).fill(102), { raw: { width: 4, height: 4, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toFile(at("grey.png"));
  await writeFile(at("broken.png"), "no image");
});
afterAll(() => rm(temporary, { recursive: true }));

describe("an image", () => {
  it("comes in the model's order of channels", async () => {
    const planes = unit([255, 0, 0, 102, 51, 255]);
    expect(await readImage(at("two.png"), [3, 1, 2])).toEqual({
      x: tensor("float32", [1, 3, 1, 2], planes),
      stretchedFrom: null,
    });
    expect((await readImage(at("two.png"), [1, 2, 3])).x.dims).toEqual([1, 1, 2, 3]);
    // A first size that is no count of channels: they stand last.
    const last = await readImage(at("two.png"), [2, 4, 3]);
    expect([last.x.dims, last.stretchedFrom]).toEqual([
      [1, 2, 4, 3],
      [1, 2],
    ]);
    expect((await readImage(at("two.png"), [null, null, 3])).x).toEqual(tensor("float32", [1, 1, 2, 3], unit(RGB)));
  });

  it("has its own size where the model leaves it open", async () => {
    for (const shape of [null, [3, null, null], [null, null, null]])
      expect((await readImage(at("two.png"), shape)).x.dims).toEqual([1, 3, 1, 2]);
    expect((await readImage(at("grey.png"), [3, null, null])).x.dims).toEqual([1, 3, 4, 4]);
    expect((await readImage(at("grey.png"), null)).x.dims).toEqual([1, 1, 4, 4]);
  });

  it("turns grey, and is stretched, as the model wants", async () => {
    const { x, stretchedFrom } = await readImage(at("two.png"), [1, 2, 4]);
    expect([x.dims, stretchedFrom]).toEqual([
      [1, 1, 2, 4],
      [1, 2],
    ]);
    expect((await readImage(at("grey.png"), [4, 4])).x.dims).toEqual([1, 4, 4]);
    expect((await readImage(at("grey.png"), [16])).x).toEqual(
      tensor("float32", [1, 16], new Float32Array(16).fill(102 / 255)),
    );
  });

  it.each([[[5, 4, 4]], [[15]], [[2, 3, 4, 4]], [[]]])("cannot take the shape %j", async (shape) => {
    expect((await failure("mismatch", () => readImage(at("grey.png"), shape))).message).toContain(".npy");
  });

  it("is refused where it is missing, broken, or asked to grow without bounds", async () => {
    await failure("not-found", () => readImage(at("none.png"), [3, 2, 2]));
    await failure("invalid-file", () => readImage(at("broken.png"), [3, 2, 2]));
    await failure("usage", () => readImage(at("two.png"), [3, 2 ** 20, 2 ** 20]));
  });
});

describe("a .npy file", () => {
  it("holds one sample, with or without a batch, as pixels or bytes", async () => {
    const path = await save("x.npy", tensor("float32", [2, 2], Float32Array.of(0, 0.25, 0.5, 1)));
    expect((await readImage(path, [2, 2])).x).toEqual(tensor("float32", [1, 2, 2], Float32Array.of(0, 0.25, 0.5, 1)));
    const bytes = await save("bytes.npy", tensor("uint8", [1, 1, 1, 2], Uint8Array.of(0, 51)));
    const expected = tensor("float32", [1, 1, 1, 2], Float32Array.of(0, 51 / 255));
    for (const shape of [[1, 1, 2], [1, null, null], null]) expect((await readImage(bytes, shape)).x).toEqual(expected);
  });

  it("is refused where it holds something else", async () => {
    const two = await save("two.npy", tensor("float32", [2, 1, 2, 2], new Float32Array(8)));
    expect((await failure("mismatch", () => readImage(two, [1, 2, 2]))).message).toContain("[2, 1, 2, 2]");
    const whole = await save("whole.npy", tensor("int64", [2], BigInt64Array.of(1n, 2n)));
    await failure("out-of-bounds", () => readImage(whole, [2]));
    expect([...(await readImage(whole, [2], { range: { lower: 0, upper: 2 } })).x.data]).toEqual([1, 2]);
    for (const value of [1.5, -0.1, Number.NaN]) {
      const wild = await save("wild.npy", tensor("float32", [2], Float32Array.of(0, value)));
      await failure("out-of-bounds", () => readImage(wild, [2]));
    }
    await writeFile(at("broken.npy"), "no array");
    await failure("invalid-file", () => readImage(at("broken.npy"), [4]));
  });
});

it("spreads pixels over other bounds, and holds arrays to them", async () => {
  const bounds = { lower: -1, upper: 1 };
  const { x } = await readImage(at("two.png"), [3, 1, 2], { range: bounds });
  expect([...x.data.subarray(0, 2)]).toEqual([1, -1]);
  const path = await save("audio.npy", tensor("float32", [1, 3], Float32Array.of(-1, 0.5, 1)));
  expect([...(await readImage(path, [3], { range: bounds })).x.data]).toEqual([-1, 0.5, 1]);
  await failure("out-of-bounds", () => readImage(path, [3]));
});
