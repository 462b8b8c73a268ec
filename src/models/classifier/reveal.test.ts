import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { dense, graphOf, numbers } from "../../../test/support/models.ts";
import type { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { classifierFile } from "./classifier.ts";
import { revealHead } from "./reveal.ts";

const linear = (classes: number, head: (b: Ops, z: string) => string) =>
  graphOf([4], (b, v) => head(b, dense(b, v, numbers(4 * classes, 7, -2, 2), new Array<number>(classes).fill(0.1))));
/** So that the head cannot be seen. */
const opaque = (b: Ops, v: string): string => b.add("Max", [v, b.scalar(0, v)]);
const revealed = (graph: ReturnType<typeof linear>, head: "softmax" | "sigmoid") =>
  revealHead(classifierFile(graph, { name: "m", head }), nodeRuntime("cpu", 1));

describe("what was said of an output is tried", () => {
  it.each([
    ["logits", 3, (_: Ops, z: string) => z],
    ["one logit", 1, (_: Ops, z: string) => z],
    ["tanh", 3, (b: Ops, z: string) => b.add("Tanh", [z])],
  ] as const)("%s are no probabilities", async (_, classes, head) => {
    for (const said of classes === 1 ? (["sigmoid"] as const) : (["softmax", "sigmoid"] as const)) {
      const { message } = await failure("usage", () => revealed(linear(classes, head), said));
      expect(message).toContain(`\`head: "${said}"\``);
      expect(message).toContain("Leave it out");
    }
  });

  it("probabilities are, where nothing else shows it", async () => {
    const sigmoid = linear(3, (b, z) => opaque(b, b.add("Sigmoid", [z])));
    const softmax = linear(3, (b, z) => opaque(b, b.add("Softmax", [z], { axis: 1 })));
    expect((await revealed(sigmoid, "sigmoid")).head).toBe("hidden");
    expect((await revealed(softmax, "softmax")).head).toBe("hidden");
    expect((await failure("usage", () => revealed(sigmoid, "softmax"))).message).toContain("a sum of 1");
  });
});
