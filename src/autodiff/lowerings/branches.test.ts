import { describe, expect, it } from "vitest";
import { dense, floats, numbers } from "../../../test/support/models.ts";
import { subgraph } from "../../../test/support/subgraph.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { settle } from "../../models/open.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";

const runtime = nodeRuntime("cpu", 1);
const w1 = numbers(24, 1);
const w2 = numbers(18, 2);

type Branch = (b: Ops, h: string, x: string) => string;
/** Two stages: logits of the first, h, are refined by one of two others where a score of it is above 0. */
function staged(batch: 1 | "N", yes: Branch, no: Branch): Graph {
  const b = new Ops(emptyGraph("staged"));
  const x = b.input({ name: "x", type: "float32", dims: [batch, 6] });
  const h = b.add("Tanh", [dense(b, x, w1, [0, 0.1, -0.1, 0])]);
  const score = b.reshape(b.slice(h, [0, 1], [0, 0], [1, 1]), []);
  const condition = b.add("Greater", [score, b.scalar(0, score)]);
  const branch = (make: Branch) => ({ graph: subgraph(17, [], (inner) => [make(inner, h, x)]) });
  const y = b.add("If", [condition], { then_branch: branch(yes), else_branch: branch(no) });
  b.alias("scores", y);
  return { ...b.finish(["scores"]), outputs: [{ name: "scores", type: "float32", dims: [batch, 3] }] };
}

const w3 = numbers(12, 3);
const refine: Branch = (b, h) => b.exp(b.matmul(h, b.constant(floats([4, 3], w3))));
/** NaN, and slopes of NaN, wherever the first branch is taken. */
const root: Branch = (b, h, x) =>
  b.plus(b.matmul(x, b.constant(floats([6, 3], w2))), b.add("Sqrt", [b.neg(b.slice(h, [1], [0], [1]))]));

const samples = floats([8, 6], numbers(48, 9, 0, 1));
const labels = Int32Array.from({ length: 8 }, (_, i) => i % 3);

describe("If on values of the input", () => {
  it.each([1, "N"] as const)(
    "has the gradient of the branch taken, as central differences say (batch %s)",
    async (batch) => {
      const file = await settle(classifierFile(staged(batch, refine, root), { name: "m" }), runtime);
      expect(file.batch).toBe(1);
      const model = openClassifier(file, runtime);
      const goal = { kind: "untargeted", labels } as const;
      const { gradient, logits } = await model.gradient(samples, goal, "margin");
      const judged = await model.logits(samples);
      expect([...logits.data]).toEqual([...judged.data]);
      // Margins in float64, of logits that the user's own graph gives.
      const margin = async (data: Float32Array, i: number) => {
        const z = (await model.logits(floats([1, 6], data))).data;
        return Math.max(...[...z].filter((_, c) => c !== labels[i])) - z[labels[i]!]!;
      };
      const taken = new Set<boolean>();
      const step = 2 ** -8;
      for (let i = 0; i < 8; i++) {
        const row = samples.data.slice(6 * i, 6 * i + 6);
        taken.add([...row].reduce((sum, v, j) => sum + v * w1[4 * j]!, 0) > 0);
        for (let j = 0; j < 6; j++) {
          const [up, down] = [row.slice(), row.slice()];
          up[j]! += step;
          down[j]! -= step;
          const slope = ((await margin(up, i)) - (await margin(down, i))) / (2 * step);
          expect(Math.abs(gradient.data[6 * i + j]! - slope)).toBeLessThan(0.02 * (1 + Math.abs(slope)));
        }
      }
      expect(taken.size).toBe(2);
      await model.release();
    },
  );

  it("is refused where its branches give other shapes", async () => {
    const graph = staged(1, refine, (b, h) => b.slice(h, [1], [0], [2]));
    const model = openClassifier(classifierFile(graph, { name: "m" }), runtime);
    await expect(model.gradient(samples, { kind: "untargeted", labels })).rejects.toThrow(
      /If .*depends on the values of the input/,
    );
    await model.release();
  });
});
