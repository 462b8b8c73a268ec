import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { dense, floats, graphOf, linearGraph, numbers, open } from "../../../test/support/models.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, tensor } from "../../tensor.ts";
import { settleBatch } from "./batching.ts";
import { classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { withOpenBatch } from "./open-batch.ts";

const runtime = nodeRuntime("cpu", 1);
const opened = async (graph: Graph) =>
  withOpenBatch(await settleBatch(classifierFile(graph, { name: "m" }), runtime), runtime);

const TIME = 4;
const WIDE = 6;
type Make = (b: Ops, x: string, n: number) => string;
const linear = (b: Ops, x: string, inputs: number, outputs: number, seed: number): string =>
  dense(b, x, numbers(inputs * outputs, seed), [...numbers(outputs, seed + 1)]);

/** Two heads of attention, merged with the batch as PyTorch does; -1 of what is not the batch here. */
const attention: Make = (b, x, n) => {
  const heads = (value: string) =>
    b.reshape(b.transpose(b.reshape(value, [n, TIME, 2, WIDE / 2]), [0, 2, 1, 3]), [2 * n, TIME, WIDE / 2]);
  const [q, k, v] = [1, 3, 5].map((seed) => heads(linear(b, x, WIDE, WIDE, seed)));
  const weights = b.add("Softmax", [b.matmul(q!, b.transpose(k!, [0, 2, 1]))], { axis: 2 });
  const back = b.transpose(b.reshape(b.matmul(weights, v!), [n, 2, TIME, WIDE / 2]), [0, 2, 1, 3]);
  return linear(b, b.reshape(back, [n, -1]), TIME * WIDE, 3, 7);
};

/** Time first. */
const recurrent: Make = (b, x, n) => {
  const weights = (dims: readonly number[], seed: number) =>
    b.constant(
      floats(
        dims,
        numbers(
          dims.reduce((a, c) => a * c),
          seed,
        ),
      ),
    );
  const steps = b.transpose(b.reshape(x, [n, TIME, WIDE]), [1, 0, 2]);
  const first = b.constant(
    floats(
      [1, n, 5],
      new Float32Array(5 * n).map((_, i) => (i % 5) / 5),
    ),
  );
  const [, last] = b.addMany("GRU", [steps, weights([1, 15, WIDE], 1), weights([1, 15, 5], 2), "", "", first], 2, {
    hidden_size: 5,
  });
  return linear(b, b.reshape(last!, [n, 5]), 5, 3, 3);
};

/** The same with time first: rows of a matrix are merged with the time, heads with the batch. */
const timeFirst: Make = (b, x, n) => {
  const first = b.transpose(x, [1, 0, 2]);
  const heads = (value: string) => b.transpose(b.reshape(value, [TIME, 2 * n, WIDE / 2]), [1, 0, 2]);
  const layer = (value: string, seed: number) =>
    b.reshape(linear(b, b.reshape(value, [TIME * n, WIDE]), WIDE, WIDE, seed), [TIME, n, WIDE]);
  const [q, k, v] = [1, 3, 5].map((seed) => heads(layer(first, seed)));
  const weights = b.add("Softmax", [b.matmul(q!, b.transpose(k!, [0, 2, 1]))], { axis: 2 });
  const back = b.reshape(b.transpose(b.matmul(weights, v!), [1, 0, 2]), [TIME, n, WIDE]);
  return linear(b, b.add("Flatten", [b.transpose(layer(back, 7), [1, 0, 2])], { axis: 1 }), TIME * WIDE, 3, 9);
};

const tokenOf = (b: Ops, x: string, tokens: string): string =>
  linear(b, b.add("Flatten", [b.add("Concat", [tokens, x], { axis: 1 })], { axis: 1 }), (TIME + 1) * WIDE, 3, 1);

const networks: Readonly<Record<string, Make>> = {
  "a Reshape": (b, x, n) => linear(b, b.reshape(x, [n, TIME * WIDE]), TIME * WIDE, 3, 1),
  "a Reshape with -1 behind the batch": (b, x, n) => linear(b, b.reshape(x, [n, -1]), TIME * WIDE, 3, 1),
  attention,
  "attention with time first": timeFirst,
  "a recurrent layer with a first state": recurrent,
  "a class token that is expanded": (b, x, n) =>
    tokenOf(b, x, b.add("Expand", [b.constant(floats([1, 1, WIDE], numbers(WIDE, 9))), b.int64([n, 1, WIDE])])),
  "a class token for each row": (b, x, n) => {
    const row = numbers(WIDE, 9);
    return tokenOf(
      b,
      x,
      b.constant(
        floats(
          [n, 1, WIDE],
          new Float32Array(n * WIDE).map((_, i) => row[i % WIDE]!),
        ),
      ),
    );
  },
};

describe("withOpenBatch", () => {
  it.each(Object.entries(networks).flatMap(([name, make]) => [1, 3, 8].map((n) => [name, n, make] as const)))(
    "opens %s of %i, with the logits and gradients of the same network that was made for another batch",
    async (_, n, make) => {
      const file = await opened(graphOf([TIME, WIDE], (b, x) => make(b, x, n), n));
      expect(file.batch).toBeNull();
      const other = 5;
      const [free, made] = [
        openClassifier(file, runtime),
        open(graphOf([TIME, WIDE], (b, x) => make(b, x, other), other)),
      ];
      const x = floats([other, TIME, WIDE], numbers(other * TIME * WIDE, 11, 0, 1));
      const goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2, 0, 1) } as const;
      const [a, c] = [await free.gradient(x, goal), await made.gradient(x, goal)];
      for (const key of ["logits", "loss", "gradient"] as const) expectNear(a[key], c[key]);
      await Promise.all([free.release(), made.release()]);
    },
  );

  it("refuses what needs its batch, by the node, and what nothing proves", async () => {
    const refused = async (make: Make, n: number, words: RegExp) =>
      expect(
        (await failure("unsupported", () => opened(graphOf([TIME, WIDE], (b, x) => make(b, x, n), n)))).message,
      ).toMatch(words);
    const flat = (b: Ops, x: string) => b.add("Flatten", [x], { axis: 1 });
    const own: Make = (b, x, n) =>
      b.plus(linear(b, flat(b, x), TIME * WIDE, 3, 1), b.constant(floats([n, 3], numbers(3 * n, 4))));
    await refused(own, 4, /its batch is 4, and Add \(output ".*"\) needs it to be that/);
    const zero: Make = (b, x, n) =>
      b.matmul(b.reshape(x, [n, TIME * WIDE]), b.constant(tensor("float32", [TIME * WIDE, 3], new Float32Array(72))));
    await refused(zero, 4, /its scores are the same for all samples/);
    const mixing: Make = (b, x) => {
      const mean = b.add("ReduceMean", [flat(b, x)], { axes: [0], keepdims: 1 });
      return linear(b, b.sub(flat(b, x), mean), TIME * WIDE, 3, 1);
    };
    const mixed = async (n: number | "N") => opened(graphOf([TIME, WIDE], (b, x) => mixing(b, x, 0), n));
    expect((await failure("unsupported", () => mixed("N"))).message).toMatch(/samples change each other's scores/);
    expect((await failure("unsupported", () => mixed(1))).message).toMatch(/the scores of samples are others/);
    // Rows 0 to 3 of however many there are: the same for four, and for no other number.
    const picked: Make = (b, x) => {
      const rows = b.slice(b.add("Concat", [x, x], { axis: 0 }), [0], [0], [4]);
      return linear(b, flat(b, rows), TIME * WIDE, 3, 1);
    };
    await refused(picked, 4, /the shape that Concat .* gives with another one cannot be told/);
  });

  it("leaves an open batch as it is", async () => {
    const file = classifierFile(linearGraph([4], numbers(12, 1), [0, 0, 0]), { name: "m" });
    expect(await withOpenBatch(file, runtime)).toBe(file);
  });
});

function expectNear(a: FloatTensor, b: FloatTensor): void {
  expect(a.dims).toEqual(b.dims);
  for (const [i, v] of a.data.entries()) expect(v).toBeCloseTo(b.data[i]!, 5);
}
