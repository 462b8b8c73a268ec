import { expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { dense, floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import type { Graph } from "../../onnx/graph.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { inLayout } from "./other-layout.ts";

const [C, H, W] = [3, 4, 5];
const weights = numbers(C * H * W * 2, 3);
/** Linear in [C, H, W]; of [H, W, C], the same function of the same picture. */
const first = graphOf([C, H, W], (b, x) => dense(b, b.add("Flatten", [x]), weights, [0.1, -0.1]));
const last = graphOf([H, W, C], (b, x) =>
  dense(b, b.add("Flatten", [b.transpose(x, [0, 3, 1, 2])]), weights, [0.1, -0.1]),
);
const x = floats([2, C, H, W], numbers(2 * C * H * W, 4, 0, 1));
const asLast = ({ data }: FloatTensor): FloatTensor =>
  floats(
    [2, H, W, C],
    Float32Array.from(data, (_, i) => {
      const [n, h, w, c] = [Math.floor(i / (C * H * W)), Math.floor(i / (W * C)) % H, Math.floor(i / C) % W, i % C];
      return data[((n * C + c) * H + h) * W + w]!;
    }),
  );
const goal = { kind: "untargeted", labels: Int32Array.of(0, 1) } as const;
const normalization = { mean: [0.2, 0.4, 0.6], std: [0.1, 0.2, 0.3] };

it.each<[string, Graph, Graph, readonly number[], FloatTensor, (t: FloatTensor) => FloatTensor]>([
  ["a network of [H, W, C] for samples [C, H, W]", last, first, [C, H, W], x, (t) => t],
  ["a network of [C, H, W] for samples [H, W, C]", first, first, [H, W, C], asLast(x), asLast],
])("%s", async (_, graph, same, shape, samples, as) => {
  const file = inLayout(classifierFile(graph, { name: "other", normalization }), shape);
  expect(file.inputShape).toEqual(shape);
  await using(openClassifier(file, nodeRuntime("cpu", 1)), async (model) => {
    await using(open(same, { normalization }), async (own) => {
      const [found, truth] = [await model.gradient(samples, goal), await own.gradient(x, goal)];
      expect(found.logits.data).toEqual(truth.logits.data);
      expect(found.gradient).toEqual({ ...as(truth.gradient), dims: samples.dims });
    });
  });
});

it("leaves a network of the same layout, or of another shape, as it is", () => {
  const file = classifierFile(first, { name: "same" });
  for (const shape of [[C, H, W], [C * H * W], [C, W, H]]) expect(inLayout(file, shape)).toBe(file);
});

it("has one pair of bounds", async () => {
  const bounds = { lower: numbers(60, 1, 0, 0.1), upper: numbers(60, 2, 0.8, 1) };
  const { message } = await failure("unsupported", () =>
    inLayout(classifierFile(last, { name: "bounded", bounds }), [C, H, W]),
  );
  expect(message).toContain("`bounds`");
});
