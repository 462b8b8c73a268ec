import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { contrib, withProgram } from "../../../test/support/gradient-check.ts";
import { readNpz } from "../../datasets/npz.ts";
import { PerturbError } from "../../errors.ts";
import { Attributes, type AttributeValue } from "../../onnx/attributes.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { readOnnx } from "../../onnx/file.ts";
import { Ops } from "../../onnx/ops.ts";
import type { Tensor } from "../../tensor.ts";
import { asClassifier, differentiate } from "../differentiate.ts";
import { lower } from "../lower.ts";

const fixture = (file: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../../test/fixtures/onnx/${file}`, import.meta.url)));

/** The largest distance between two tensors, by the largest element of the second. */
function distance(got: Tensor | undefined, expected: Tensor | undefined): number {
  const [a, b] = [got!.data as Float32Array, expected!.data as Float32Array];
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(b, (v, i) => Math.abs(a[i]! - v))) / Math.max(...b.map(Math.abs));
}

describe("models as ONNX Runtime's optimizers save them: logits and gradients are torch's for the model before", () => {
  it.each([
    ["convolutions", ["FusedConv", "FusedGemm"]],
    ["bert", ["Attention", "BiasGelu", "SkipLayerNormalization"]],
    ["transformer", ["BiasGelu", "SkipLayerNormalization"]],
  ])("%s", async (name, fused) => {
    const graph = readOnnx(fixture(`optimized-${name}.onnx`));
    const operators = graph.nodes.filter((node) => node.domain === "com.microsoft").map((node) => node.op);
    expect([...new Set(operators)].sort()).toEqual(fused);
    const torch = readNpz(fixture(`optimized-${name}.npz`), name);
    const { logits, gradient } = await withProgram(differentiate(asClassifier(graph)), (program) =>
      program.run({ x: torch.get("x")!, labels: torch.get("y")! }),
    );
    expect(distance(logits, torch.get("logits"))).toBeLessThan(2e-6);
    // In float32 torch itself is up to 4e-6 from what it gives in float64.
    expect(distance(gradient, torch.get("grad"))).toBeLessThan(1e-5);
  });
});

describe("what cannot be written in standard operators is refused", () => {
  type Inputs = readonly (readonly number[] | null)[];
  function refusal(op: string, inputs: Inputs, attributes: Readonly<Record<string, AttributeValue>>): string {
    const b = new Ops(emptyGraph("refused"));
    const names = inputs.map((dims, i) => (dims ? b.input({ name: `x${i}`, type: "float32", dims }) : ""));
    const [y] = contrib(b, op, names, attributes);
    try {
      lower(b.finish([y!]), ["x0"]);
    } catch (error) {
      if (error instanceof PerturbError && error.code === "no-gradient") return error.message;
      throw error;
    }
    return "nothing refused";
  }
  const past = [1, 2, 2, 2];
  const bits = { K: 16, N: 2, bits: 4, block_size: 16 };

  it.each<[string, Inputs, Readonly<Record<string, AttributeValue>>, string]>([
    [
      "FusedConv",
      [
        [1, 1, 3, 3],
        [1, 1, 2, 2],
      ],
      { activation: "Swirl" },
      'activation "Swirl"',
    ],
    ["Attention", [[1, 3, 4], [4, 12], [12]], { num_heads: 2, do_rotary: 1 }, "rotary embedding"],
    ["Attention", [[1, 3, 4], [4, 12], [12], [5]], { num_heads: 2 }, "a mask of that form"],
    ["MultiHeadAttention", [[1, 3, 2, 3, 2]], { num_heads: 2 }, "packed queries, keys or values"],
    [
      "MultiHeadAttention",
      [[1, 3, 4], [1, 3, 4], [1, 3, 4], null, null, null, past, past],
      {},
      "a past and no present",
    ],
    ["MatMulNBits", [[1, 16], [2, 1, 8], [2]], bits, "weights that are not constant"],
    ["MatMulNBits", [[1, 16], [2, 1, 8], [2]], { ...bits, accuracy_level: 4 }, "an accuracy_level of 4"],
    ["Trilu", [[3, 3], []], {}, "diagonals that are not constant"],
  ])("%s over %j, %j", (op, inputs, attributes, why) => {
    expect(refusal(op, inputs, attributes)).toContain(`the gradient of ${op} with ${why} is not available`);
  });

  it("an image in blocks of channels, with what to do", () => {
    const b = new Ops(emptyGraph("blocked"));
    const x = b.input({ name: "x", type: "float32", dims: ["N", 16, 4, 4] });
    const node = { op: "ReorderInput", domain: "com.microsoft.nchwc", name: "r", inputs: [x], outputs: ["y"] };
    b.append({ ...node, attributes: Attributes.none });
    expect(() => lower(b.finish(["y"]), ["x"])).toThrow(/com\.microsoft\.nchwc\.ReorderInput "r".*ORT_ENABLE_EXTENDED/);
  });
});
