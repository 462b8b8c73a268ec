import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { failure, survives } from "../../test/support/datasets.ts";
import { decodeBitmap, isBitmap } from "./bitmap.ts";
import { decodeImage, readImageShape } from "./decode-image.node.ts";

const LIMIT = 2 ** 16;
const text = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0));
const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const decode = (bytes: Uint8Array) => decodeBitmap(bytes, "f", LIMIT);

/** A BMP of these rows, the lowest first, with `extra` between head and rows. */
function bmp(
  width: number,
  height: number,
  bits: number,
  rows: readonly number[],
  extra: readonly number[] = [],
  compression = 0,
): Uint8Array {
  const head = new DataView(new ArrayBuffer(54));
  head.setUint16(0, 0x424d);
  head.setUint32(10, 54 + extra.length, true);
  head.setUint32(14, 40, true);
  head.setInt32(18, width, true);
  head.setInt32(22, height, true);
  head.setUint16(26, 1, true);
  head.setUint16(28, bits, true);
  head.setUint32(30, compression, true);
  head.setUint32(46, bits === 8 ? extra.length / 4 : 0, true);
  return joined(new Uint8Array(head.buffer), Uint8Array.from(extra), Uint8Array.from(rows));
}

describe("netpbm", () => {
  it("is read as Pillow reads it: comments, and values of fewer bits stretched", () => {
    expect(decode(joined(text("P5\n# by hand\n3 1\n255\n"), Uint8Array.of(7, 0, 255)))).toEqual({
      width: 3,
      height: 1,
      channels: 1,
      data: Uint8Array.of(7, 0, 255),
    });
    const colours = decode(joined(text("P6 1 2 15 "), Uint8Array.of(0, 7, 15, 1, 2, 3)));
    expect(colours).toMatchObject({ width: 1, height: 2, channels: 3, data: Uint8Array.of(0, 119, 255, 17, 34, 51) });
  });

  it.each([
    ["unsupported", "P3 1 1 255 1 2 3"],
    ["unsupported", "P5 1 1 65535 ab"],
    ["invalid-file", "P6 2 2 255 abc"],
    ["invalid-file", "P6 2"],
    ["invalid-file", "P6 0 2 255 "],
    ["unsafe-file", "P5 70000 70000 255 "],
  ] as const)("is refused as %s: %s", async (code, content) => {
    await failure(code, () => decode(text(content)));
  });
});

describe("BMP", () => {
  // Two rows of two pixels, blue first, from below; rows of 24 bits end at a multiple of four bytes.
  const [red, green, blue, white] = [
    [0, 0, 255],
    [0, 255, 0],
    [255, 0, 0],
    [255, 255, 255],
  ] as const;
  const expected = {
    width: 2,
    height: 2,
    channels: 3,
    data: Uint8Array.of(0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 255, 0),
  };

  it("of 24 and 32 bits is read, from below or from above", () => {
    expect(decode(bmp(2, 2, 24, [...red, ...green, 0, 0, ...blue, ...white, 0, 0]))).toEqual(expected);
    expect(decode(bmp(2, -2, 24, [...blue, ...white, 0, 0, ...red, ...green, 0, 0]))).toEqual(expected);
    const wide = [...red, 9, ...green, 9, ...blue, 9, ...white, 9];
    expect(decode(bmp(2, 2, 32, wide))).toEqual(expected);
    const masks = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0];
    expect(decode(bmp(2, 2, 32, wide, masks, 3))).toEqual(expected);
  });

  it("of 8 bits is read by its palette, which may be grey", () => {
    const palette = [...red, 0, ...green, 0, ...blue, 0, ...white, 0];
    expect(decode(bmp(2, 2, 8, [0, 1, 0, 0, 2, 3, 0, 0], palette))).toEqual(expected);
    expect(decode(bmp(1, 1, 8, [1, 0, 0, 0], [0, 0, 0, 0, 9, 9, 9, 0]))).toMatchObject({
      channels: 1,
      data: Uint8Array.of(9),
    });
  });

  it.each([
    ["unsupported", bmp(1, 1, 16, [0, 0, 0, 0])],
    ["unsupported", bmp(1, 1, 8, [0, 0, 0, 0], [0, 0, 0, 0], 1)],
    ["invalid-file", bmp(2, 2, 24, [0, 0, 0])],
    ["invalid-file", bmp(-1, 2, 24, [0, 0, 0])],
    ["unsafe-file", bmp(70_000, 70_000, 24, [])],
    ["invalid-file", text("BM")],
  ] as const)("is refused as %s", async (code, bytes) => {
    await failure(code, () => decode(bytes));
  });
});

it("survives any bytes, and gives as many as it says", async () => {
  const head = fc.constantFrom(text("P6 2 2 255 "), text("P5 3 1 9\n"), bmp(2, 2, 24, []), bmp(2, 2, 8, []), text("P"));
  await fc.assert(
    fc.asyncProperty(
      head,
      fc.uint8Array({ maxLength: 80 }),
      fc.nat(60),
      fc.nat(255),
      async (start, rest, at, value) => {
        const bytes = joined(start, rest);
        if (at < bytes.length && at > 1) bytes[at] = value;
        if (!isBitmap(bytes)) return;
        await survives(() => {
          const { width, height, channels, data } = decode(bytes);
          expect(data).toHaveLength(width * height * channels);
        });
      },
    ),
    { numRuns: 500 },
  );
});

describe("an image folder's decoder", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "perturb-bitmaps-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("gives planes of either kind, and grey by luma", async () => {
    const [grey, colour] = [join(folder, "a.pgm"), join(folder, "b.PPM")];
    await writeFile(grey, joined(text("P5 2 1 255\n"), Uint8Array.of(7, 200)));
    await writeFile(colour, joined(text("P6 2 1 255\n"), Uint8Array.of(255, 0, 0, 10, 200, 77)));
    expect([await readImageShape(grey), await readImageShape(colour)]).toEqual([
      [1, 1, 2],
      [3, 1, 2],
    ]);
    expect([...(await decodeImage(grey, [1, 1, 2], false))]).toEqual([7, 200]);
    expect([...(await decodeImage(grey, [3, 1, 2], false))]).toEqual([7, 200, 7, 200, 7, 200]);
    expect([...(await decodeImage(colour, [3, 1, 2], false))]).toEqual([255, 10, 0, 200, 0, 77]);
    expect([...(await decodeImage(colour, [1, 1, 2], false))]).toEqual([76, 129]);
    await failure("mismatch", () => decodeImage(colour, [3, 2, 2], false));
  });
});
