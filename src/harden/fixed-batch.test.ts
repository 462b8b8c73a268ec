import { expect, it } from "vitest";
import { numbers } from "../../test/support/models.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { withValues } from "../models/parameters/write.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor, toFloat32 } from "../tensor.ts";
import { harden } from "./harden.ts";

const size = 130;
const data = datasetOf({
  x: numbers(size * 12, 5, 0, 1),
  shape: [3, 4],
  labels: Array.from({ length: size }, (_, i) => i % 3),
  classes: 3,
});
const few = { epsilon: 0.1, runtimes: [nodeRuntime("cpu", 1)], epochs: 2, validation: 50, batch: 30 } as const;

function network(batch: "N" | number): Uint8Array {
  const b = new Ops(emptyGraph("net"));
  const x = b.input({ name: "image", type: "float32", dims: [batch, 3, 4] });
  const weight = (name: string, dims: readonly number[], seed: number) =>
    b.parameter(
      name,
      tensor(
        "float32",
        dims,
        numbers(
          dims.reduce((all, one) => all * one),
          seed,
        ),
      ),
    );
  const flat = b.reshape(x, [batch === "N" ? -1 : batch, 12]);
  b.alias("scores", b.matmul(b.add("Relu", [b.matmul(flat, weight("one", [12, 8], 1))]), weight("two", [8, 3], 2)));
  return writeOnnx(b.finish(["scores"]));
}

it.each([1, 8])(
  "a network whose batch is fixed to %i learns what it learns with an open one, and keeps its batch",
  async (batch) => {
    const fixed = network(batch);
    const [a, b] = [await harden(network("N"), data, few), await harden(fixed, data, few)];
    const of = (bytes: Uint8Array, name: string) => toFloat32(readTensor(readOnnx(bytes).initializers.get(name)!)).data;
    for (const name of ["one", "two"]) expect(of(b.last, name)).toEqual(of(a.last, name));
    expect(of(b.last, "one")).not.toEqual(of(fixed, "one"));
    // With the elements of before, it is the file that was given.
    const back = b.parameters.map((parameter) => ({
      parameter,
      before: of(b.last, parameter.name),
      after: of(fixed, parameter.name),
    }));
    expect(Buffer.compare(withValues(b.last, back, "m"), fixed)).toBe(0);
    expect(Buffer.compare((await harden(fixed, data, { ...few, epochs: 0 })).model, fixed)).toBe(0);
  },
);
