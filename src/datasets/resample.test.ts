import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import type { Interpolation } from "../models/preprocessing/preprocessing.ts";
import { resizedTo } from "../models/preprocessing/resampling.ts";
import { centerCrop, type Picture, resample } from "./resample.ts";

const FOLDER = fileURLToPath(new URL("../../test/fixtures/resample/", import.meta.url));
/** Of tools/resample-reference.py: what Pillow 13.0.0, and torch 2.13 without antialias, make of the picture. */
const REFERENCE = JSON.parse(readFileSync(`${FOLDER}reference.json`, "utf8")) as {
  readonly source: string;
  readonly resize: readonly {
    readonly mode: "RGB" | "L";
    readonly interpolation: Interpolation;
    readonly antialias: boolean;
    readonly width: number;
    readonly height: number;
    readonly sha256: string;
  }[];
  readonly pipelines: readonly {
    readonly resize: number;
    readonly crop: number;
    readonly interpolation: Interpolation;
    readonly sha256: string;
  }[];
};
const digest = ({ data }: Picture): string => createHash("sha256").update(data).digest("hex");

let colour: Picture;
let grey: Picture;
beforeAll(async () => {
  const { data, info } = await sharp(`${FOLDER}picture.png`).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  colour = { width: info.width, height: info.height, channels: 3, data: new Uint8Array(data) };
  expect(digest(colour)).toBe(REFERENCE.source);
  const luma = (i: number) =>
    (data[3 * i]! * 19595 + data[3 * i + 1]! * 38470 + data[3 * i + 2]! * 7471 + 0x8000) >> 16;
  grey = { ...colour, channels: 1, data: Uint8Array.from({ length: data.length / 3 }, (_, i) => luma(i)) };
});

describe("resample", () => {
  it.each(REFERENCE.resize)("$mode to $width × $height, $interpolation, antialias $antialias", (given) => {
    const { mode, width, height, interpolation, antialias, sha256 } = given;
    const out = resample(mode === "L" ? grey : colour, width, height, { interpolation, antialias });
    expect([out.width, out.height, digest(out)]).toEqual([width, height, sha256]);
  });
});

it.each(REFERENCE.pipelines)(
  "resize $resize, crop $crop, $interpolation",
  ({ resize, crop, interpolation, sha256 }) => {
    const out = centerCrop(resample(colour, ...resizedTo(colour, resize), { interpolation }), crop, crop);
    expect(digest(out)).toBe(sha256);
  },
);

it("sets the shorter side, or both", () => {
  expect(resizedTo({ width: 53, height: 37 }, 24)).toEqual([34, 24]);
  expect(resizedTo({ width: 37, height: 53 }, 24)).toEqual([24, 34]);
  expect(resizedTo({ width: 37, height: 53 }, [10, 20])).toEqual([20, 10]);
});

it("begins a middle between two pixels as torchvision or as transformers does", () => {
  const row: Picture = { width: 7, height: 1, channels: 1, data: Uint8Array.of(0, 1, 2, 3, 4, 5, 6) };
  expect([...centerCrop(row, 4, 1).data]).toEqual([2, 3, 4, 5]);
  expect([...centerCrop(row, 4, 1, "down").data]).toEqual([1, 2, 3, 4]);
  for (const rounding of ["even", "down"] as const)
    expect([...centerCrop(row, 6, 2, rounding).data.subarray(0, 6)]).toEqual([0, 1, 2, 3, 4, 5]);
});
