import { describe, expect, it } from "vitest";
import { numbers, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { backward } from "../engine.ts";

/** Where the points lie along the width, in pixels: on pixels, on the border, where it reflects, and beyond. */
const POSITIONS = [-3, -2, -1, -0.5, 0, 1, 2, 2.5, 3, 3.5, 4, 5, 6];

/** ∂(sum of GridSample)/∂(x of each point), for an image of two rows and points a quarter of the way down. */
async function slopes(mode: string, padding: string, align: boolean, opset: number): Promise<number[]> {
  const width = align ? 5 : 4;
  const down = align ? -0.5 : -0.25;
  const along = (p: number) => (align ? (2 * p) / (width - 1) - 1 : (2 * p + 1) / width - 1);
  const b = new Ops(emptyGraph("kinks", opset));
  const pixels = Array.from({ length: 2 * width }, (_, i) => ((i * 37) % 23) / 16 - 0.7);
  const dims = [1, 1, POSITIONS.length, 2];
  const grid = b.input({ name: "grid", type: "float32", dims });
  const attributes = { mode, padding_mode: padding, align_corners: Number(align) };
  const y = b.add("GridSample", [b.constant(numbers("float32", [1, 1, 2, width], pixels)), grid], attributes);
  const [gradient] = backward(b, y, b.full(1, y), [grid]);
  const points = POSITIONS.flatMap((p) => [along(p), down]);
  const results = await withProgram(b.finish([gradient!]), (program) =>
    program.run({ grid: numbers("float32", dims, points) }),
  );
  return Array.from(results[gradient!]!.data as Float32Array).filter((_, i) => i % 2 === 0);
}

// torch.nn.functional.grid_sample, torch 2.13, in float64.
const TORCH: readonly (readonly [align: boolean, padding: string, mode: string, slopes: readonly number[]])[] = [
  [
    false,
    "zeros",
    "bilinear",
    [0.0, 0.0, -1.0875, -1.0875, 1.03125, -0.40625, 1.03125, 1.03125, -0.56875, -0.56875, 0.0, 0.0, 0.0],
  ],
  [
    false,
    "zeros",
    "bicubic",
    [0.0, 0.0, -0.952295, -1.661627, -0.019556, 0.534668, 0.534668, 1.627405, 0.417627, -1.005853, -0.515112, 0.0, 0.0],
  ],
  [false, "border", "bilinear", [0.0, 0.0, 0.0, 0.0, 0.0, -0.40625, 1.03125, 1.03125, 0.0, 0.0, 0.0, 0.0, 0.0]],
  [
    false,
    "border",
    "bicubic",
    [0.0, 0.0, 0.0, -0.205994, 0.823975, 0.46875, 0.46875, 1.324768, 0.823975, -0.205994, 0.0, 0.0, 0.0],
  ],
  [
    false,
    "reflection",
    "bilinear",
    [-1.03125, 0.40625, 0.0, 0.0, 0.0, -0.40625, 1.03125, 1.03125, 0.0, 0.0, 0.0, -1.03125, 0.40625],
  ],
  [
    false,
    "reflection",
    "bicubic",
    [
      -0.46875, -0.46875, -0.823975, 0.0, 0.823975, 0.46875, 0.46875, 1.324768, 0.823975, 0.0, -0.823975, -0.46875,
      -0.46875,
    ],
  ],
  [
    true,
    "zeros",
    "bilinear",
    [0.0, 0.0, -1.36875, -1.36875, 1.75, -1.125, 1.75, 1.75, -1.125, -1.125, 0.11875, 0.0, 0.0],
  ],
  [
    true,
    "zeros",
    "bicubic",
    [
      0.0, 0.0, -1.17312, -2.133948, 0.32395, 0.534668, 0.534668, 2.726807, 0.534668, -1.843817, -0.858618, 0.103784,
      0.0,
    ],
  ],
  [true, "border", "bilinear", [0.0, 0.0, 0.0, 0.0, 0.0, -1.125, 1.75, 1.75, -1.125, -1.125, 0.0, 0.0, 0.0]],
  [
    true,
    "border",
    "bicubic",
    [0.0, 0.0, 0.0, -0.328125, 1.3125, 0.46875, 0.46875, 2.390625, 0.46875, -1.59375, -0.84375, 0.0, 0.0],
  ],
  [
    true,
    "reflection",
    "bilinear",
    [1.125, -1.75, 1.125, -1.75, 0.0, -1.125, 1.75, 1.75, -1.125, -1.125, 0.0, 1.125, -1.75],
  ],
  [
    true,
    "reflection",
    "bicubic",
    [
      -0.46875, -0.46875, -0.46875, -2.507812, 0.0, 0.46875, 0.46875, 2.390625, 0.46875, -1.804688, 0.0, -0.46875,
      -0.46875,
    ],
  ],
];

describe("the slope of GridSample at its kinks is PyTorch's", () => {
  for (const [align, padding, mode, expected] of TORCH)
    it.each([16, 22])(`${mode}, ${padding}, corners aligned: ${align}, opset %i`, async (opset) => {
      const named = opset >= 20 ? mode.replace("bi", "") : mode;
      const got = await slopes(named, padding, align, opset);
      for (const [i, slope] of got.entries()) expect(slope, `at ${POSITIONS[i]}`).toBeCloseTo(expected[i]!, 5);
    });
});
