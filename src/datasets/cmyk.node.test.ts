import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage, decodePixels, readImageShape } from "./decode-image.node.ts";

/** 16 × 8 pixels by Pillow 13: the left half of the inks 10, 200, 60, 30, the right of 250, 0, 128, 90. */
const JPEG = Buffer.from(
  "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AAFAgACAAQBEMRAE0RAFkRAEsRAP/EABYAAQEBAAAAAAAAAAAAAAAAAAkKCP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAOBEMATQBZAEsAAD8AdQbZDDCIP1kA72D3/9k=",
  "base64",
);
/** Adobe's marker, and where the colours are turned to YCCK there. */
const MARKER = { start: 2, length: 16, transform: 17 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "perturb-cmyk-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

// The values are those of Pillow's convert("RGB") and convert("L").
describe("CMYK is decoded as Pillow decodes it", () => {
  const { start, length, transform } = MARKER;
  const turned = Buffer.from(JPEG);
  turned[transform] = 2;
  const plain = [216, 49, 172, 3, 165, 82];
  it.each<[string, Buffer, number[], number[]]>([
    ["with Adobe's marker", JPEG, plain, [113, 107]],
    ["without it", Buffer.concat([JPEG.subarray(0, start), JPEG.subarray(start + length)]), plain, [113, 107]],
    ["as YCCK", turned, [0, 29, 123, 162, 165, 16], [31, 147]],
  ])("%s", async (name, bytes, [red, green, blue, ...right], [dark, light]) => {
    const path = await file(`${name}.jpg`, bytes);
    expect(await readImageShape(path)).toEqual([3, 8, 16]);
    const { data, width, height } = await decodePixels(path, 3);
    expect([width, height, data.length]).toEqual([16, 8, 3 * 128]);
    expect([...data.subarray(0, 3), ...data.subarray(-3)]).toEqual([red, green, blue, ...right]);
    const planes = await decodeImage(path, [3, 8, 16], false);
    expect([planes[0], planes[128], planes[256]]).toEqual([red, green, blue]);
    const grey = await decodePixels(path, 1);
    expect([grey.data[0], grey.data.at(-1)]).toEqual([dark, light]);
  });

  it("also in TIFF, where a fifth channel is dropped", async () => {
    // Of RGBA, sharp writes CMYK and alpha.
    const raw = { width: 1, height: 1, channels: 4 } as const;
    const colour = sharp(Uint8Array.of(200, 90, 30, 128), { raw }).toColourspace("cmyk");
    const path = await file("c.tif", await colour.tiff({ compression: "none" }).toBuffer());
    const { space, channels } = await sharp(path).metadata();
    expect([space, channels]).toEqual(["cmyk", 5]);
    const inks = [...(await sharp(path).pipelineColourspace("cmyk").toColourspace("cmyk").raw().toBuffer())];
    const light = 255 - inks[3]!;
    const expected = inks.slice(0, 3).map((ink) => light - Math.round((ink * light) / 255));
    expect([...(await decodePixels(path, 3)).data]).toEqual(expected);
  });
});
