import { describe, expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import type { AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { type Resampling, resizeMatrix } from "./resize-weights.ts";

const floats = (values: readonly number[]) => tensor("float32", [values.length], Float32Array.from(values));

/** ONNX Runtime's Resize of the rows of the identity. */
async function resizedIdentity(axis: Resampling, opset: number): Promise<ArrayLike<number>> {
  const { input, scale, roi, mode } = axis;
  const b = new Ops(emptyGraph("identity", opset));
  const x = b.input({ name: "x", type: "float32", dims: [input, input] });
  const scales = b.constant(floats([scale, 1]));
  const attributes: Record<string, AttributeValue> = { mode };
  if (opset >= 11) {
    attributes["coordinate_transformation_mode"] = axis.coordinates;
    if (mode === "nearest") attributes["nearest_mode"] = axis.nearest;
    if (mode === "cubic") attributes["cubic_coeff_a"] = { float: axis.cubicCoefficient };
    if (axis.excludeOutside) attributes["exclude_outside"] = 1;
    if (axis.antialias) attributes["antialias"] = 1;
  }
  const region = () => b.constant(floats([roi[0], 0, roi[1], 1]));
  const y = b.add("Resize", opset >= 11 ? [x, region(), scales] : [x, scales], attributes);
  expect(b.dims(y)).toEqual([axis.output, input]);
  const program = await runtime.load(writeOnnx(b.finish([y])));
  const eye = Float32Array.from({ length: input * input }, (_, i) => Number(i % (input + 1) === 0));
  const result = await program.run({ x: tensor("float32", [input, input], eye) });
  await program.release();
  return result[y]!.data as Float32Array;
}

const SIZES: readonly (readonly [number, number])[] = [
  [4, 2],
  [5, 2.6],
  [7, 0.6],
  [8, 0.5],
  [3, 3],
  [9, 0.3],
  [6, 1.2],
  [2, 7.5],
  [5, 0.2],
  [1, 4],
];
const COORDINATES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"];
const ROIS: readonly (readonly [number, number])[] = [
  [0, 1],
  [Math.fround(0.2), Math.fround(0.7)],
  [-0.125, 1.125],
  [Math.fround(0.9), Math.fround(0.1)],
];

const LATER = ["half_pixel_symmetric"];
const EARLIER = ["tf_half_pixel_for_nn"];

/** What float32 leaves of cubic weights that are divided by a sum well below 1. */
const TOLERANCE = 1e-5;

/** Every way to resize of one mode, at an opset: sizes, coordinates, regions. */
async function compare(opset: number, coordinates: string, change: Partial<Resampling>): Promise<void> {
  for (const [input, given] of SIZES)
    for (const roi of coordinates === "tf_crop_and_resize" ? ROIS : [[0, 1] as const]) {
      const scale = Math.fround(given);
      const output = Math.trunc(Math.fround(scale * input));
      const axis: Resampling = {
        mode: "linear",
        coordinates,
        nearest: "",
        input,
        output,
        scale,
        roi,
        cubicCoefficient: -0.75,
        excludeOutside: false,
        antialias: false,
        ...change,
      };
      const expected = await resizedIdentity(axis, opset);
      const matrix = resizeMatrix(axis);
      const off = Array.from(matrix, (v, i) => Math.abs(v - expected[i]!));
      expect(off.length).toBe(expected.length);
      expect(Math.max(...off), JSON.stringify(axis)).toBeLessThan(TOLERANCE);
    }
}

describe("the matrices of Resize are what ONNX Runtime makes of the identity", () => {
  for (const coordinates of [...COORDINATES, ...LATER, ...EARLIER]) {
    const opset = LATER.includes(coordinates) ? 19 : EARLIER.includes(coordinates) ? 11 : 18;
    for (const nearest of ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
      it(`nearest, ${coordinates}, ${nearest}`, () => compare(opset, coordinates, { mode: "nearest", nearest }));
    it(`linear, ${coordinates}`, () => compare(opset, coordinates, {}));
    it(`cubic, ${coordinates}`, async () => {
      for (const excludeOutside of [false, true])
        for (const cubicCoefficient of [-0.75, -0.5])
          await compare(opset, coordinates, { mode: "cubic", excludeOutside, cubicCoefficient });
    });
    if (opset >= 18)
      it(`antialiased, ${coordinates}`, async () => {
        for (const mode of ["linear", "cubic"])
          for (const excludeOutside of [false, true])
            await compare(opset, coordinates, { mode, excludeOutside, antialias: true });
      });
  }

  it("nearest and linear of opset 10", async () => {
    await compare(10, "asymmetric", { mode: "nearest" });
    await compare(10, "asymmetric", { mode: "linear" });
  });
});
