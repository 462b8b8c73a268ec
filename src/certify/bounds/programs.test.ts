import { expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { openBounds } from "./bounds.ts";
import { ball } from "./box.ts";

const matrix = (...rows: number[][]) =>
  tensor("float32", [rows.length, rows[0]!.length], Float32Array.from(rows.flat()));

/** Two layers of Relu, [N, 2] to [N, 2], whose second one reads a value of this name. */
function network(hidden: string): Graph {
  const b = new Ops(emptyGraph("two layers"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 2] });
  const first = b.add("Relu", [b.matmul(x, b.constant(matrix([1, -1], [2, 1])))]);
  b.alias(hidden, b.matmul(first, b.constant(matrix([1, 1], [-2, 1]))));
  b.alias("y", b.matmul(b.add("Relu", [hidden]), b.constant(matrix([1, -1], [1, 3]))));
  return b.finish(["y"]);
}

it("bounds are the same whatever values are called", async () => {
  const box = ball(matrix([0.1, 0.2]), 0.5, { lower: -1, upper: 1 });
  const rows = { seed: matrix([1, 0], [0, 1], [-1, 0], [0, -1]), samples: new Int32Array(4) };
  const of = async (hidden: string) => {
    const bounds = await openBounds(network(hidden), runtime);
    try {
      return [await bounds.lower(box, rows, "ibp"), await bounds.lower(box, rows, "crown")];
    } finally {
      await bounds.release();
    }
  };
  const usual = await of("hidden");
  for (const name of ["y/flat", "flat y", "lines y", "tuned"]) expect(await of(name), name).toEqual(usual);
});
