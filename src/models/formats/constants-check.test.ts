import { expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { graphOf } from "../../../test/support/models.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { tensor } from "../../tensor.ts";
import { openModel } from "../open.ts";

/** A million classes by weights that are made of their shape. */
const file = (classes: bigint): Uint8Array =>
  writeOnnx(
    graphOf([784], (b, x) =>
      b.matmul(x, b.add("ConstantOfShape", [b.constant(tensor("int64", [2], BigInt64Array.of(784n, classes)))])),
    ),
  );

it("a constant of a few bytes that no memory holds is refused before anything runs", async () => {
  const runtime = nodeRuntime("cpu", 1);
  const { message } = await failure("unsupported", () => openModel(file(1_000_000n), { runtime }));
  expect(message).toContain("[784,1000000]");
  const model = await openModel(file(3n), { runtime });
  expect(model.classes).toBe(3);
  await model.release();
});
