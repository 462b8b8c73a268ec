import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import {
  dense,
  floats,
  graphOf,
  lenetFile,
  lenetGraph,
  linearGraph,
  numbers,
  open,
  smallNetwork,
  using,
} from "../../../test/support/models.ts";
import { PerturbError } from "../../errors.ts";
import type { Goal } from "../../model.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { Program, Runtime } from "../../runtime.ts";
import { type ClassifierFile, classifierFile } from "./classifier.ts";
import { openClassifier } from "./graph-model.ts";
import { revealHead } from "./reveal.ts";

const goal = (labels: readonly number[]): Goal => ({ kind: "untargeted", labels: Int32Array.from(labels) });
const largestDifference = (a: Float32Array, b: Float32Array) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));
const appended = (graph: Graph, make: (b: Ops, y: string) => string): Graph => {
  const b = new Ops(graph, "tail");
  return b.finish([make(b, graph.outputs[0]!.name)]);
};

describe("a graph that fixes its batch", () => {
  /** A network whose Reshape and input hold the batch size, as exporters leave it. */
  const network = (batch: number | "N") =>
    graphOf(
      [2, 2],
      (b, x) => {
        const h = b.add("Relu", [
          dense(b, b.reshape(x, [batch === "N" ? -1 : batch, 4]), numbers(24, 1), [...numbers(6, 2)]),
        ]);
        return dense(b, h, numbers(18, 3), [...numbers(3, 4)]);
      },
      batch,
    );

  it.each([1, 2, 4])("of %i answers any number of samples as a free one does", async (batch) => {
    expect(classifierFile(network(batch), { name: "m" }).batch).toBe(batch);
    await using(open(network("N")), (free) =>
      using(open(network(batch)), async (fixed) => {
        for (const n of [1, 2, 3, 4, 5, 8, 9]) {
          const x = floats([n, 2, 2], numbers(4 * n, n));
          const labels = goal(Array.from({ length: n }, (_, i) => i % 3));
          const [a, b] = [await free.logits(x), await fixed.logits(x)];
          expect(b.dims).toEqual([n, 3]);
          expect(largestDifference(a.data, b.data)).toBeLessThan(1e-6);
          for (const loss of ["cross-entropy", "margin"] as const) {
            const [g, h] = [await free.gradient(x, labels, loss), await fixed.gradient(x, labels, loss)];
            expect([h.gradient.dims, h.loss.dims, h.logits.dims]).toEqual([x.dims, [n], [n, 3]]);
            for (const part of ["gradient", "loss", "logits"] as const)
              expect(largestDifference(g[part].data, h[part].data)).toBeLessThan(1e-6);
          }
        }
      }),
    );
  });
});

describe("samples", () => {
  it("of a wrong shape are refused, and the message names both", async () => {
    await using(open(smallNetwork([1, 4, 4], 3)), async (model) => {
      for (const dims of [
        [2, 4, 4],
        [2, 16],
        [2, 1, 4, 5],
        [2, 1, 4, 4, 1],
      ]) {
        const x = floats(
          dims,
          numbers(
            dims.reduce((a, b) => a * b),
            1,
          ),
        );
        for (const work of [() => model.logits(x), () => model.gradient(x, goal([0, 0]))]) {
          const { message } = await failure("mismatch", work);
          expect(message).toMatch("[1,4,4]");
          expect(message).toMatch(`got [${dims.slice(1)}]`);
        }
      }
    });
  });

  it("with a label that is no class are refused", async () => {
    await using(open(smallNetwork([4], 3)), async (model) => {
      for (const label of [-1, 3])
        await failure("out-of-bounds", () => model.gradient(floats([1, 4], [0, 0, 0, 0]), goal([label])));
    });
  });
});

describe("gradient", () => {
  const model = () => open(smallNetwork([5], 4));
  const x = floats([3, 5], numbers(15, 8, 0, 1));

  it.each(["cross-entropy", "margin"] as const)("of the %s equals differences of the loss", async (loss) => {
    await using(model(), async (m) => {
      const { gradient } = await m.gradient(x, goal([0, 1, 2]), loss);
      const h = 1 / 256;
      for (let j = 0; j < 5; j++) {
        const [up, down] = await Promise.all(
          [h, -h].map((step) =>
            m.gradient({ ...x, data: x.data.map((v, i) => (i % 5 === j ? v + step : v)) }, goal([0, 1, 2]), loss),
          ),
        );
        for (let i = 0; i < 3; i++)
          expect(gradient.data[5 * i + j]).toBeCloseTo((up!.loss.data[i]! - down!.loss.data[i]!) / (2 * h), 2);
      }
    });
  });

  it("towards targets is that of the loss at the targets, negated", async () => {
    await using(model(), async (m) => {
      const plain = await m.gradient(x, goal([3, 2, 1]));
      const towards = await m.gradient(x, {
        kind: "targeted",
        labels: Int32Array.of(0, 0, 0),
        targets: Int32Array.of(3, 2, 1),
      });
      expect(towards.gradient.data).toEqual(plain.gradient.data.map((v) => -v));
      expect(towards.loss.data).toEqual(plain.loss.data.map((v) => -v));
      expect(towards.logits).toEqual(plain.logits);
    });
  });

  it("counts what it costs", async () => {
    await using(model(), async (m) => {
      await m.logits(x);
      await m.gradient(x, goal([0, 0, 0]));
      await m.logits(x);
      expect(m.cost).toEqual({ forwards: 6, gradients: 3 });
    });
  });
});

describe("classifierFile", () => {
  it("describes LeNet", () => {
    const { onnx: _, ...described } = lenetFile();
    expect(described).toEqual({
      name: "lenet_zip.pth",
      inputShape: [1, 28, 28],
      classes: 10,
      head: "log-softmax",
      straightThrough: 0,
      bounds: { lower: 0, upper: 1 },
      batch: null,
      parameters: 21_840,
    });
  });

  it("keeps the bounds given", () => {
    expect(classifierFile(smallNetwork([4], 3), { name: "m", bounds: { lower: -1, upper: 2 } }).bounds).toEqual({
      lower: -1,
      upper: 2,
    });
  });

  it("counts the weights, and not the preprocessing", () => {
    const graph = linearGraph([3, 2, 2], numbers(24, 1), [0, 0]);
    expect(classifierFile(graph, { name: "m" }).parameters).toBe(26);
    expect(
      classifierFile(graph, { name: "m", normalization: { mean: [0.1, 0.2, 0.3], std: [1, 2, 3] } }).parameters,
    ).toBe(26);
  });

  it("takes shapes that the graph leaves open from its options", () => {
    const graph = linearGraph([4], numbers(8, 1), [0, 0]);
    const opened: Graph = { ...graph, inputs: [{ ...graph.inputs[0]!, dims: ["N", "F"] }] };
    expect(classifierFile(opened, { name: "m", shape: [4] }).inputShape).toEqual([4]);
    expect(() => classifierFile(opened, { name: "m" })).toThrow(expect.objectContaining({ code: "unsupported" }));
  });
});

describe("revealHead", () => {
  const runtime = nodeRuntime("cpu", 1);
  const hide = (graph: Graph) =>
    appended(graph, (b, y) => b.add("Max", [b.add("Softmax", [y], { axis: 1 }), b.constant(floats([1], [-1]))]));

  it("puts a logarithm behind probabilities that hide their logits", async () => {
    const plain = smallNetwork([5], 4);
    const file = await revealHead(classifierFile(hide(plain), { name: "m" }), runtime);
    expect(file.head).toBe("hidden");
    const x = floats([3, 5], numbers(15, 8, 0, 1));
    await using(open(plain), (a) =>
      using(openClassifier(file, runtime), async (b) => {
        const logits = (await a.logits(x)).data;
        const hidden = (await b.logits(x)).data;
        for (let i = 0; i < 3; i++) {
          const row = [...logits.subarray(4 * i, 4 * i + 4)];
          const log = Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0));
          for (const [c, z] of row.entries()) expect(hidden[4 * i + c]).toBeCloseTo(z - log, 5);
        }
        const [g, h] = [await a.gradient(x, goal([0, 1, 2])), await b.gradient(x, goal([0, 1, 2]))];
        expect(largestDifference(g.gradient.data, h.gradient.data)).toBeLessThan(1e-5);
        expect(largestDifference(g.loss.data, h.loss.data)).toBeLessThan(1e-5);
      }),
    );
  });

  it("stays finite where a probability is 0", async () => {
    const steep = linearGraph([1], Float32Array.of(1000, -1000), [0, 0]);
    const file = await revealHead(classifierFile(hide(steep), { name: "m" }), runtime);
    await using(openClassifier(file, runtime), async (model) => {
      const { logits, loss, gradient } = await model.gradient(floats([1, 1], [1]), goal([1]));
      for (const v of [...logits.data, ...loss.data, ...gradient.data]) expect(Number.isFinite(v)).toBe(true);
      expect(logits.data[0]).toBeCloseTo(0, 6);
      expect(loss.data[0]).toBeGreaterThan(80);
    });
  });

  it("leaves every other head as it is", async () => {
    const softmax = appended(smallNetwork([5], 4), (b, y) => b.add("Softmax", [y], { axis: 1 }));
    for (const file of [
      classifierFile(smallNetwork([5], 4), { name: "m" }),
      classifierFile(softmax, { name: "m" }),
      lenetFile(),
    ])
      expect(await revealHead(file, runtime)).toBe(file);
  });

  it("works behind preprocessing and in a graph that fixes its batch", async () => {
    const graph = graphOf(
      [3],
      (b, x) =>
        b.add("Max", [
          b.add("Softmax", [dense(b, x, numbers(12, 1), [0, 0, 0, 0])], { axis: 1 }),
          b.constant(floats([1], [-1])),
        ]),
      2,
    );
    const file = await revealHead(
      classifierFile(graph, { name: "m", normalization: { mean: [0.5], std: [0.5] } }),
      runtime,
    );
    expect([file.head, file.batch]).toEqual(["hidden", 2]);
    await using(openClassifier(file, runtime), async (model) => {
      const { data } = await model.logits(floats([3, 3], numbers(9, 5, 0, 1)));
      for (let i = 0; i < 3; i++)
        expect(data.subarray(4 * i, 4 * i + 4).reduce((sum, z) => sum + Math.exp(z), 0)).toBeCloseTo(1, 5);
    });
  });
});

describe("release", () => {
  /** A runtime that notes which programs are open. */
  function watched(load: (model: Uint8Array) => Promise<Program>): Runtime & { open: number; loads: number } {
    const state = {
      ...nodeRuntime("cpu", 1),
      open: 0,
      loads: 0,
      async load(model: Uint8Array) {
        state.loads++;
        const program = await load(model);
        state.open++;
        const release = () => {
          state.open--;
          return program.release();
        };
        return { ...program, release };
      },
    };
    return state;
  }
  const file: ClassifierFile = classifierFile(smallNetwork([4], 3), { name: "m" });
  const x = floats([1, 4], [0, 0, 0, 0]);

  it("lets go of every program, each of which was compiled once", async () => {
    const runtime = watched((model) => nodeRuntime("cpu", 1).load(model));
    const model = openClassifier(file, runtime);
    await Promise.all([
      model.logits(x),
      model.logits(x),
      model.gradient(x, goal([0])),
      model.gradient(x, goal([0]), "margin"),
    ]);
    expect([runtime.loads, runtime.open]).toEqual([3, 3]);
    await model.release();
    expect(runtime.open).toBe(0);
    await model.release();
    expect(runtime.open).toBe(0);
  });

  it("lets go of the others when one did not compile", async () => {
    const runtime = watched(async (model) => {
      if (runtime.loads === 1) throw new PerturbError("runtime", "No.");
      return nodeRuntime("cpu", 1).load(model);
    });
    const model = openClassifier(file, runtime);
    await failure("runtime", () => model.logits(x));
    await model.gradient(x, goal([0]));
    await model.release();
    expect(runtime.open).toBe(0);
  });
});

describe("the graph", () => {
  it("is LeNet's, whose logits are those behind the log-softmax", async () => {
    await using(open(lenetGraph()), async (model) => {
      const { data } = await model.logits(floats([1, 1, 28, 28], new Float32Array(784)));
      // Logits, not log-probabilities: those would sum to 1 when exponentiated.
      expect(Math.abs(data.reduce((sum, z) => sum + Math.exp(z), 0) - 1)).toBeGreaterThan(0.1);
    });
  });
});
