import { expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";

const filled = (dims: readonly number[], value: number) =>
  tensor("float32", dims, new Float32Array(dims.reduce((a, d) => a * d, 1)).fill(value));

/** Σ x + 0·Σ max(x, 0) of [N, 65536, 1, 1], by a kernel without float64: sums of so many equal numbers are off by 80 units and more. */
it("allows for what float32 rounds at a centre outside of the signs that are assumed", async () => {
  const size = 2 ** 16;
  const b = new Ops(emptyGraph("sum"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", size, 1, 1] });
  const none = b.add("Conv", [b.add("Relu", [x]), b.constant(filled([1, size, 1, 1], 0))]);
  const sum = b.add("Conv", [x, b.constant(filled([1, size, 1, 1], 1))]);
  b.alias("y", b.reshape(b.plus(sum, none), [-1, 1]));
  const bounds = await openBounds(b.finish(["y"]), runtime);
  try {
    for (const [centre, sign] of [
      [-605.6, 1],
      [-595.4, -1],
    ] as const) {
      const end = (value: number) => filled([1, size, 1, 1], value);
      const box = { centre: end(centre), lower: end(2 * centre), upper: end(0.001) };
      const tuning = await bounds.tuning(box);
      const domain = {
        signs: new Int8Array(size).fill(1),
        shares: new Float32Array(size),
        pushes: new Float32Array(size).fill(-sign),
      };
      const proven = await tuning.prove([{ domain, row: Float32Array.of(sign), limit: 0 }]);
      // The input 0 is in this part of the box, and gives 0.
      expect(proven[0]).toBeLessThanOrEqual(0);
    }
  } finally {
    await bounds.release();
  }
});
