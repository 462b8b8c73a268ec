import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { floats, graphOf } from "../../../test/support/models.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { randomFor } from "../../random.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { defend } from "./front.ts";
import { chromaTable, luminanceTable } from "./jpeg-tables.ts";

const runtime = nodeRuntime("cpu", 1);

/** Waves with noise, as bytes [H, W, C]. */
function waves(height: number, width: number, channels: number, noise: number): Uint8Array {
  const random = randomFor(1, height * width);
  return Uint8Array.from({ length: height * width * channels }, (_, i) => {
    const [c, p] = [i % channels, Math.floor(i / channels)];
    const [y, x] = [Math.floor(p / width), p % width];
    const value = 127 + 100 * Math.sin(x / (5 + c) + y / (7 - c) + c) + noise * random.normal();
    return Math.min(255, Math.max(0, Math.round(value)));
  });
}

/** The defence on one picture of bytes [H, W, C]; gives bytes, as whole numbers if it made such. */
async function coded(bytes: Uint8Array, height: number, width: number, quality: number): Promise<Float64Array> {
  const shape = [height, width, bytes.length / height / width];
  const graph = defend(
    graphOf(shape, (b, x) => b.add("Identity", [x])),
    { defences: [`jpeg:${quality}`] },
  );
  const program = await runtime.load(writeOnnx(graph));
  const result = await program.run({
    x: floats(
      [1, ...shape],
      Float32Array.from(bytes, (v) => v / 255),
    ),
  });
  await program.release();
  const data = result[graph.outputs[0]!.name]!.data as Float32Array;
  return Float64Array.from(data, (v) => 255 * v);
}

const wave = (k: number, at: number): number =>
  (k === 0 ? Math.SQRT1_2 : Math.cos(((2 * at + 1) * k * Math.PI) / 16)) / 2;
const eight = Array.from({ length: 8 }, (_, i) => i);
/** The exact remainder beside the middle between two whole numbers: what lies close to it may go either way. */
const away = (v: number): number => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** One plane through T.81 in float64, as loops; also how close anything came to the middle between two steps. */
function reference(plane: Uint8Array, height: number, width: number, quality: number) {
  const table = luminanceTable(quality);
  const made = new Float64Array(plane.length);
  let closest = 1;
  for (let top = 0; top < height; top += 8)
    for (let left = 0; left < width; left += 8) {
      const at = (y: number, x: number) =>
        plane[Math.min(top + y, height - 1) * width + Math.min(left + x, width - 1)]! - 128;
      const levels = eight.flatMap((v) =>
        eight.map((u) => {
          let sum = 0;
          for (const y of eight) for (const x of eight) sum += at(y, x) * wave(v, y) * wave(u, x);
          const eighths = 8 * sum;
          closest = Math.min(closest, Math.abs(Math.abs(eighths - Math.trunc(eighths)) - 0.5));
          const q = table[8 * v + u]!;
          return q * away(Math.round(eighths) / (8 * q));
        }),
      );
      for (const y of eight)
        for (const x of eight) {
          if (top + y >= height || left + x >= width) continue;
          let sum = 128;
          for (const v of eight) for (const u of eight) sum += levels[8 * v + u]! * wave(v, y) * wave(u, x);
          closest = Math.min(closest, Math.abs(Math.abs(sum - Math.trunc(sum)) - 0.5));
          made[(top + y) * width + left + x] = Math.min(255, Math.max(0, Math.round(sum)));
        }
    }
  return { made, closest };
}

describe("JPEG as nodes", () => {
  it.each([
    [75, 28, 28],
    [75, 13, 22],
    [20, 16, 16],
    [95, 8, 9],
  ])("at quality %d, is that of float64, byte for byte, for %d x %d", async (quality, height, width) => {
    const bytes = waves(height, width, 1, 20);
    const { made, closest } = reference(bytes, height, width, quality);
    // Float32 tells these apart.
    expect(closest).toBeGreaterThan(1e-4);
    const result = await coded(bytes, height, width, quality);
    for (const [i, v] of result.entries()) expect(Math.abs(v - made[i]!)).toBeLessThan(1e-4);
  });

  it.each([
    ["grey", 1, 28, 28, 75],
    ["grey", 1, 33, 45, 30],
    ["coloured", 3, 64, 48, 75],
    ["coloured", 3, 33, 45, 75],
    ["coloured", 3, 31, 50, 90],
  ])(
    "gives what libjpeg does for a %s picture (%d, %d x %d, quality %d)",
    async (_, channels, height, width, quality) => {
      const bytes = waves(height, width, channels, 6);
      const raw = { width, height, channels: channels as 1 | 3 };
      const file = await sharp(bytes, { raw }).jpeg({ quality, quantisationTable: 0 }).toBuffer();
      const image = sharp(file);
      const decoded = await (channels === 1 ? image.toColourspace("b-w") : image).raw().toBuffer();
      expect(decoded).toHaveLength(bytes.length);
      const made = await coded(bytes, height, width, quality);
      const apart = made.map((v, i) => Math.abs(Math.round(v) - decoded[i]!));
      const changed = bytes.reduce((sum, v, i) => sum + Math.abs(v - decoded[i]!), 0) / bytes.length;
      // libjpeg has a cosine transform of whole numbers: a few coefficients fall on the other side.
      expect(apart.reduce((sum, v) => sum + v, 0) / bytes.length).toBeLessThan(0.15 * changed);
      expect(apart.filter((v) => v > 1).length / bytes.length).toBeLessThan(0.05);
    },
  );

  it("leaves a plain picture as it is, and loses nothing but rounding at quality 100", async () => {
    const plain = new Uint8Array(28 * 28).fill(200);
    expect([...(await coded(plain, 28, 28, 75))].every((v) => Math.abs(v - 200) < 1e-4)).toBe(true);
    const bytes = waves(24, 24, 1, 20);
    const best = await coded(bytes, 24, 24, 100);
    for (const [i, v] of best.entries()) expect(Math.abs(v - bytes[i]!)).toBeLessThan(3);
  });

  it("has the tables of libjpeg", () => {
    // cjpeg -quality, as `djpeg -verbose` and JPEGsnoop list them.
    expect(luminanceTable(75).slice(0, 8)).toEqual([8, 6, 5, 8, 12, 20, 26, 31]);
    expect(chromaTable(75).slice(0, 8)).toEqual([9, 9, 12, 24, 50, 50, 50, 50]);
    expect(luminanceTable(50)[0]).toBe(16);
    expect(new Set(luminanceTable(100))).toEqual(new Set([1]));
    expect(Math.max(...chromaTable(1))).toBe(255);
  });
});
