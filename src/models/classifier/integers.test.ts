import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { arrayDataset, dense, floats, numbers, open, using } from "../../../test/support/models.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { square } from "../../attacks/scores/square.ts";
import { evaluate } from "../../evaluate/evaluation.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import type { ElementType } from "../../tensor.ts";
import { selectEndpoints } from "./select.ts";

const CLASSES = 3;

/** logits = W · (integers / 255) + b, behind a cast of them. */
function network(type: ElementType, shape: readonly number[], offset = 0): Graph {
  const b = new Ops(emptyGraph("integers"));
  const x = b.input({ name: "image", type, dims: ["N", ...shape] });
  const real = b.cast(b.add("Flatten", [x], { axis: 1 }), "float32");
  const unit = b.mul(b.plus(real, b.scalar(offset, real)), b.scalar(1 / 255, real));
  return b.finish([dense(b, unit, W, BIAS)]);
}
const SIZE = 12;
const W = numbers(SIZE * CLASSES, 31);
const BIAS = [0.1, -0.2, 0.05];

const BYTES = Uint8Array.from(numbers(20 * SIZE, 32, 0, 256));
const x = floats(
  [20, 3, 2, 2],
  Float32Array.from(BYTES, (v) => v / 255),
);
/** In float64, from the bytes. */
const truth = Array.from({ length: 20 }, (_, n) =>
  BIAS.map((bias, c) =>
    W.filter((_, i) => i % CLASSES === c).reduce((sum, w, i) => sum + (w * BYTES[n * SIZE + i]!) / 255, bias),
  ),
);
const labels = truth.map((row) => row.indexOf(Math.max(...row)));

describe.each<[ElementType, number]>([
  ["uint8", 0],
  ["int8", 128],
  ["uint16", 0],
  ["int16", 0],
  ["int32", 0],
  ["int64", 0],
])("pixels as %s", (type, offset) => {
  it.each([[[3, 2, 2]], [[2, 2, 3]], [[12]]])(
    "of shape %j have the logits and the gradient of the reals",
    async (shape) => {
      await using(open(network(type, shape, offset)), async (model) => {
        const given = floats([20, ...shape], x.data);
        expect([model.inputShape, model.bounds, model.levels]).toEqual([shape, { lower: 0, upper: 1 }, 256]);
        expect(model.notes?.[0]?.code).toBe("integer-input");
        const goal = { kind: "untargeted", labels: Int32Array.from(labels) } as const;
        const { logits, gradient } = await model.gradient(given, goal);
        for (const [n, row] of truth.entries()) {
          const p = row.map((z) => Math.exp(z) / row.reduce((sum, other) => sum + Math.exp(other), 0));
          for (const [c, z] of row.entries()) expect(logits.data[n * CLASSES + c]).toBeCloseTo(z, 5);
          for (let i = 0; i < SIZE; i++) {
            const slope = p.reduce((sum, q, c) => sum + W[i * CLASSES + c]! * (q - Number(c === labels[n])), 0);
            expect(gradient.data[n * SIZE + i]).toBeCloseTo(slope, 5);
          }
        }
      });
    },
  );
});

it("is evaluated like its twin of reals on 256 levels, with and without gradients", async () => {
  const twin = new Ops(emptyGraph("reals"));
  const image = twin.input({ name: "image", type: "float32", dims: ["N", 3, 2, 2] });
  const reals = twin.finish([dense(twin, twin.add("Flatten", [image], { axis: 1 }), W, BIAS)]);
  const data = arrayDataset(x, labels);
  const options = { attacks: [pgd.with({ steps: 5 }), square.with({ queries: 50 })], epsilons: [4 / 255, 32 / 255] };
  const of = async (graph: Graph, levels?: number) =>
    using(
      open(graph),
      async (model) => (await evaluate(model, data, { ...options, ...(levels && { levels }) })).evaluation,
    );
  const [integers, floating] = [await of(network("uint8", [3, 2, 2])), await of(reals, 256)];
  expect(integers.options.levels).toBe(256);
  expect(integers.points.map(({ correct }) => correct)).toEqual(floating.points.map(({ correct }) => correct));
  expect(integers.warnings.map(({ code }) => code)).toContain("integer-input");
  expect(integers.warnings.map(({ code }) => code)).not.toContain("straight-through");
});

it("takes whole numbers as they are within other bounds, and after a preprocessing of its own", async () => {
  const bytes = floats([20, 3, 2, 2], BYTES);
  const wide = { bounds: { lower: 0, upper: 255 } };
  await using(open(network("uint8", [3, 2, 2]), wide), async (model) => {
    expect(model.levels).toBe(256);
    expect((await model.logits(bytes)).data[0]).toBeCloseTo(truth[0]![0]!, 5);
  });
  await using(open(network("int32", [3, 2, 2]), { bounds: { lower: -1000, upper: 1000 } }), async (model) => {
    expect(model.levels).toBe(2001);
    const { gradient } = await model.gradient(bytes, { kind: "untargeted", labels: Int32Array.from(labels) }, "logit");
    expect(gradient.data[0]).toBeCloseTo(W[labels[0]!]! / 255, 6);
  });
  const normalization = { mean: [0], std: [1 / 255] };
  await using(open(network("uint8", [3, 2, 2]), { normalization }), async (model) => {
    expect((await model.logits(x)).data[0]).toBeCloseTo(truth[0]![0]!, 5);
  });
  const wrong = await failure("usage", () =>
    open(network("uint8", [3, 2, 2]), { normalization: { mean: [0.5], std: [0.5] } }),
  );
  expect(wrong.message).toContain("would be given -1 to 1");
});

it("is given pixels times 255 where a preprocessing only turns the colours around, or changes nothing", async () => {
  const turned = floats(
    [20, 3, 2, 2],
    x.data.map((_, i, data) => data[i - (i % 12) + 4 * (2 - Math.floor((i % 12) / 4)) + (i % 4)]!),
  );
  for (const channels of ["rgb", "bgr"] as const)
    for (const scale of [{}, { scale: 1 }, { scale: 255 }]) {
      const normalization = { mean: [0], std: [1, 1, 1], ...scale, channels };
      await using(open(network("uint8", [3, 2, 2]), { normalization }), async (model) => {
        const { data } = await model.logits(channels === "bgr" ? turned : x);
        for (const [n, row] of truth.entries())
          for (const [c, z] of row.entries()) expect(data[n * CLASSES + c]).toBeCloseTo(z, 5);
      });
    }
});

it("refuses a normalization that would leave a few whole numbers", async () => {
  const normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const { message } = await failure("usage", () => open(network("int32", [3, 2, 2]), { normalization }));
  expect(message).toContain("only 6 of them, from -2 to 3");
  // What it advises.
  await using(
    open(network("int32", [3, 2, 2]), { normalization: { mean: [0], std: [1], scale: 255 } }),
    async (model) => expect((await model.logits(x)).data[0]).toBeCloseTo(truth[0]![0]!, 5),
  );
});

it("refuses token ids, with the way to embeddings", async () => {
  const b = new Ops(emptyGraph("tokens"));
  const ids = b.input({ name: "ids", type: "int64", dims: ["N", 4] });
  const embedding = b.add("Gather", [b.constant(floats([5, 2], numbers(10, 1))), b.cast(ids, "int32")], { axis: 0 });
  const graph = b.finish([b.add("ReduceMean", [embedding], { axes: [1], keepdims: 0 })]);
  const { message } = await failure("unsupported", () => open(graph));
  expect(message).toContain("inputs_embeds");
  expect(message).toContain(embedding);
  // The way that it names.
  await using(open(selectEndpoints(graph, { input: embedding })), async (model) => {
    expect(model.inputShape).toEqual([4, 2]);
    const given = floats([1, 4, 2], [0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...(await model.logits(given)).data]).toEqual([3, 4]);
  });
});

it("refuses token ids whose one-hot vectors are written out by Equal, and names the product with the table", async () => {
  const b = new Ops(emptyGraph("tokens"));
  const ids = b.input({ name: "ids", type: "int32", dims: ["N", 4] });
  const range = b.constant({ type: "int32", dims: [1, 1, 5], data: Int32Array.of(0, 1, 2, 3, 4) });
  const hot = b.cast(b.add("Equal", [b.unsqueeze(ids, [2]), range]), "float32");
  const embedding = b.matmul(hot, b.constant(floats([5, 2], numbers(10, 1))));
  const graph = b.finish([b.add("ReduceMean", [embedding], { axes: [1], keepdims: 0 })]);
  expect((await failure("unsupported", () => open(graph))).message).toContain(`\`input: "${embedding}"\``);
  await using(open(selectEndpoints(graph, { input: embedding })), async (model) =>
    expect(model.inputShape).toEqual([4, 2]),
  );
});
