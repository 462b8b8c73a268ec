import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { dense, floats, graphOf, numbers } from "../../../test/support/models.ts";
import type { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
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

  it("a sigmoid that is rounded, and passes the gradient, is read as 0 and 1 without more words", async () => {
    const rounded = linear(1, (b, z) => b.add("Round", [b.add("Sigmoid", [z])]));
    const runtime = nodeRuntime("cpu", 1);
    const read = (options: object) => revealHead(classifierFile(rounded, { name: "m", ...options }), runtime);
    expect((await read({})).head).toBe("labels");
    const file = await read({ straightThrough: ["Round"] });
    expect(file.head).toBe("binary");
    expect(file.notes?.[0]?.message).toMatch("above 0.5, class 1 is predicted");
    const w = numbers(4, 7, -2, 2);
    const x = floats([20, 4], numbers(80, 5, 0, 1));
    const model = openClassifier(file, runtime);
    const goal = { kind: "untargeted", labels: new Int32Array(20).fill(1) } as const;
    const { logits, gradient } = await model.gradient(x, goal);
    for (let i = 0; i < 20; i++) {
      const z = w.reduce((sum, v, j) => sum + v * x.data[4 * i + j]!, 0.1);
      expect(logits.data.slice(2 * i, 2 * i + 2)).toEqual(Float32Array.of(0, z > 0 ? 0.5 : -0.5));
      // Of class 1, the loss rises against the weights.
      for (let j = 0; j < 4; j++) expect(Math.sign(gradient.data[4 * i + j]!)).toBe(-Math.sign(w[j]!));
    }
    await model.release();
  });
});
