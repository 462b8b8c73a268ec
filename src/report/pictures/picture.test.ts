import fc from "fast-check";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type Pixels, shrink, toPixels } from "./picture.ts";
import { pixelsToPng } from "./png.node.ts";
import { encodePng, pngUri } from "./png.ts";

const unit = { lower: 0, upper: 1 };
const values = (...numbers: number[]) => Float32Array.from(numbers, (n) => n / 255);
const bytes = ({ data }: Pixels) => Array.from(data);

describe("toPixels", () => {
  it("shows one channel grey, three in colour, of others the first", () => {
    expect(toPixels([1, 1, 2], values(10, 20), unit)).toMatchObject({ width: 2, height: 1, channels: 1 });
    const rgb = toPixels([3, 1, 2], values(1, 2, 3, 4, 5, 6), unit);
    expect([rgb.channels, bytes(rgb)]).toEqual([3, [1, 3, 5, 2, 4, 6]]);
    const two = toPixels([2, 1, 2], values(1, 2, 3, 4), unit);
    expect([two.channels, bytes(two)]).toEqual([1, [1, 2]]);
  });

  it("takes channels last, pictures without channels, and rows of features", () => {
    const last = toPixels([2, 1, 3], values(1, 2, 3, 4, 5, 6), unit);
    expect([last.width, last.height, last.channels, bytes(last)]).toEqual([1, 2, 3, [1, 2, 3, 4, 5, 6]]);
    expect(bytes(toPixels([2, 2], values(1, 2, 3, 4), unit))).toEqual([1, 2, 3, 4]);
    const features = toPixels([5], values(1, 2, 3, 4, 5), unit);
    expect([features.width, features.height, bytes(features)]).toEqual([3, 2, [1, 2, 3, 4, 5, 255]]);
  });

  it("maps the bounds to black and white, and clips what is outside", () => {
    expect(bytes(toPixels([1, 1, 5], Float32Array.of(-1, 0, 1, 3, Number.NaN), { lower: -1, upper: 1 }))).toEqual([
      0, 128, 255, 255, 0,
    ]);
  });
});

describe("shrink", () => {
  it("takes the means of blocks, smaller ones at the edge", () => {
    const small = shrink({ width: 3, height: 2, channels: 1, data: Uint8Array.of(0, 10, 7, 20, 30, 9) }, 2);
    expect([small.width, small.height, bytes(small)]).toEqual([2, 1, [15, 8]]);
  });
});

describe("encodePng", () => {
  const pictures = fc
    .record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      channels: fc.constantFrom(1 as const, 3 as const),
    })
    .chain((size) => {
      const length = size.width * size.height * size.channels;
      return fc.uint8Array({ minLength: length, maxLength: length }).map((data): Pixels => ({ ...size, data }));
    });

  it("is read back to the same pixels by libvips, as is sharp's own", async () => {
    await fc.assert(
      fc.asyncProperty(pictures, async (pixels) => {
        for (const png of [encodePng(pixels), await pixelsToPng(pixels)]) {
          const image = sharp(png, { failOn: "warning" });
          const { data, info } = await (pixels.channels === 1 ? image.toColourspace("b-w") : image)
            .raw()
            .toBuffer({ resolveWithObject: true });
          expect(info).toMatchObject({ width: pixels.width, height: pixels.height, channels: pixels.channels });
          expect(Uint8Array.from(data)).toEqual(pixels.data);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("becomes a data: URI", () => {
    expect(pngUri(Uint8Array.of(0x89, 0x50))).toBe("data:image/png;base64,iVA=");
  });
});
