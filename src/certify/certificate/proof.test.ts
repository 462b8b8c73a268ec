import { describe, expect, it } from "vitest";
import { emptyGraph } from "../../onnx/builder.ts";
import { Ops } from "../../onnx/ops.ts";
import { tensor } from "../../tensor.ts";
import { Proof } from "./proof.ts";
import { readLayers } from "./read.ts";

/** by·x + relu·max(x, 0) + 0.5 of one x in [-1, 1], as logit 0; logit 1 is 0. */
function proofOf(by: number, relu: number): { readonly proof: Proof; readonly output: number } {
  const b = new Ops(emptyGraph("one"));
  const x = b.input({ name: "x", type: "float32", dims: ["N", 1] });
  const times = (of: string, w: number) => b.matmul(of, b.constant(tensor("float32", [1, 2], Float32Array.of(w, 0))));
  const sum = b.plus(times(x, by), times(b.add("Relu", [x]), relu));
  b.alias("logits", b.plus(sum, b.constant(tensor("float32", [2], Float32Array.of(0.5, 0)))));
  const network = readLayers(b.finish(["logits"]));
  const proof = new Proof(network, { lower: Float32Array.of(-1), upper: Float32Array.of(1) });
  for (const _ of network.layers) proof.next();
  return { proof, output: network.output };
}

/** The bound where x has a sign, with a push. */
const leastOf = (by: number, relu: number, sign: 1 | -1, push: number): number => {
  const { proof, output } = proofOf(by, relu);
  const bound = () =>
    proof.least(
      output,
      [
        [0, 1],
        [1, -1],
      ],
      { signs: [{ value: 0, element: 0, sign, push }], slopes: new Map() },
    );
  const first = bound();
  // Nothing of it stays behind.
  expect(bound()).toBe(first);
  return first;
};

describe("bounds of a part of a box", () => {
  it.each([
    // Only the push knows of the sign: x + 0.5 - push·sign·x in [-1, 1].
    [1, 0, 1, 0, -0.5],
    [1, 0, 1, 1, 0.5],
    [1, 0, 1, 3, -1.5],
    [1, 0, -1, 1, -1.5],
    [-1, 0, 1, 1, -1.5],
    [-1, 0, -1, 1, 0.5],
    // So do lines: max(x, 0) is x, or 0.
    [0, -1, 1, 0, -0.5],
    [0, -1, -1, 0, 0.5],
    [1, -1, 1, 0, 0.5],
    [0, 1, 1, 1, 0.5],
    // Less than nothing can be taken off.
    [1, 0, -1, -1, Number.NEGATIVE_INFINITY],
    [1, 0, 1, Number.NaN, Number.NEGATIVE_INFINITY],
  ] as const)("%d x + %d max(x, 0) + 0.5, sign %d, push %d: %d", (by, relu, sign, push, expected) => {
    const bound = leastOf(by, relu, sign, push);
    expect(bound).toBeLessThanOrEqual(expected);
    if (Number.isFinite(expected)) expect(bound).toBeGreaterThan(expected - 1e-5);
  });

  it("is the whole box's without an assumption, whatever was assumed before", () => {
    const { proof, output } = proofOf(1, -1);
    const bound = () => proof.least(output, [[0, 1]]);
    const first = bound();
    proof.least(output, [[0, 1]], { signs: [{ value: 0, element: 0, sign: -1, push: 2 }], slopes: new Map() });
    proof.least(output, [[0, 1]], { signs: [{ value: 0, element: 0, sign: 1, push: -2 }], slopes: new Map() });
    expect(bound()).toBe(first);
    expect(first).toBeCloseTo(-0.5, 4);
  });
});
