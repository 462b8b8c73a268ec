import { expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { numbers } from "../../../test/support/gradient-check.ts";
import type { ErrorCode } from "../../errors.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Dim } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { backward } from "../engine.ts";

const floats = (values: readonly number[]) => numbers("float32", [values.length], values);

function image(dims: readonly Dim[] = ["N", 2, 4, 4]): { b: Ops; x: string } {
  const b = new Ops(emptyGraph("resize", 18));
  return { b, x: b.input({ name: "x", type: "float32", dims }) };
}

const refusal = async (b: Ops, x: string, y: string, code: ErrorCode = "no-gradient"): Promise<string> =>
  (await failure(code, () => backward(b, y, b.full(1, y), [x]))).message;

it("scales that the run tells have no gradient", async () => {
  const { b, x } = image();
  const scales = b.input({ name: "scales", type: "float32", dims: [4] });
  expect(await refusal(b, x, b.add("Resize", [x, "", scales]))).toContain("scales that are not constant");
});

it("a resized axis of open size has no gradient", async () => {
  const { b, x } = image(["N", 2, "H", 4]);
  const y = b.add("Resize", [x, "", b.constant(floats([1, 1, 2, 2]))]);
  expect(b.dims(y)).toEqual(["N", 2, null, 8]);
  expect(await refusal(b, x, y, "unsupported")).toContain("fixed size of axis 2");
});

it("a region of an antialiased image with channels last, which ONNX Runtime fills elsewhere, has no gradient", async () => {
  const { b, x } = image(["N", 4, 4, 2]);
  const roi = b.constant(floats([0, 0.2, 0.2, 0, 1, 0.8, 0.8, 1]));
  const attributes = { mode: "linear", antialias: 1, coordinate_transformation_mode: "tf_crop_and_resize" };
  const y = b.add("Resize", [x, roi, b.constant(floats([1, 0.5, 0.5, 1]))], attributes);
  expect(await refusal(b, x, y)).toContain("channels last");
});
