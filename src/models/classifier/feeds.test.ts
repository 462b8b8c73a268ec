import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { arrayDataset, floats, numbers } from "../../../test/support/models.ts";
import type { AnyAttack } from "../../attack.ts";
import { attacks } from "../../attacks/index.ts";
import { evaluate, openEvaluation } from "../../evaluate/evaluation.ts";
import { revive, setupFor, worker } from "../../evaluate/places/work.ts";
import { factsOf } from "../../evaluate/state/facts.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import { writeOnnx } from "../../onnx/file.ts";
import type { Dim, Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { type FloatTensor, type Tensor, tensor } from "../../tensor.ts";
import { openModel } from "../open.ts";
import type { GraphModel } from "./graph-model.ts";
import { selectEndpoints } from "./select.ts";

const CLASSES = 4;
const W = numbers(6 * CLASSES, 1);
const V = numbers(4 * CLASSES, 2, -4, 4);
const N = 13;
const x = floats([N, 6], numbers(N * 6, 3, 0.1, 0.9));
const meta = floats([N, 4], numbers(N * 4, 4, 0, 1));

/** z = x·W + meta·V of sample i, in float64. */
const truth = (i: number, about: ArrayLike<number> = meta.data): number[] =>
  Array.from({ length: CLASSES }, (_, c) => {
    let z = 0;
    for (let j = 0; j < 6; j++) z += x.data[i * 6 + j]! * W[j * CLASSES + c]!;
    for (let j = 0; j < 4; j++) z += about[i * 4 + j]! * V[j * CLASSES + c]!;
    return z;
  });
const labels = Array.from({ length: N }, (_, i) => truth(i).indexOf(Math.max(...truth(i))));
const data = arrayDataset(x, labels, CLASSES);

interface Shape {
  readonly image?: readonly Dim[];
  readonly about?: readonly Dim[] | null;
  readonly type?: "float32" | "float16" | "float64" | "int64";
  readonly joined?: boolean;
}

function twoInputs({ image = ["N", 6], about = ["N", 4], type = "float32", joined = false }: Shape = {}): Graph {
  const b = new Ops(emptyGraph("two"));
  const a = b.input({ name: "about", type, dims: about });
  const pixels = b.input({ name: "image", type: "float32", dims: image });
  const real = type === "float32" ? a : b.cast(a, "float32");
  const [w, v] = [floats([6, CLASSES], W), floats([4, CLASSES], V)];
  const scores = joined
    ? b.matmul(b.add("Concat", [pixels, real], { axis: 1 }), b.constant(floats([10, CLASSES], [...W, ...V])))
    : b.plus(b.matmul(pixels, b.constant(w)), b.matmul(real, b.constant(v)));
  b.alias("scores", scores);
  return b.finish(["scores"]);
}

const runtime = nodeRuntime("cpu", 1);
const opened = (graph: Graph, about: Tensor, shape?: readonly number[]): Promise<GraphModel> =>
  openModel(writeOnnx(graph), {
    runtime,
    name: "two",
    input: "image",
    feeds: new Map([["about", about]]),
    ...(shape && { shape }),
  });

async function using<T>(model: Promise<GraphModel>, work: (model: GraphModel) => Promise<T>): Promise<T> {
  const of = await model;
  try {
    return await work(of);
  } finally {
    await of.release();
  }
}

const rows = (t: FloatTensor, some: readonly number[]): FloatTensor =>
  floats(
    [some.length, 6],
    some.flatMap((i) => [...t.data.subarray(i * 6, (i + 1) * 6)]),
  );

async function expectTruth(model: GraphModel, about?: ArrayLike<number>): Promise<void> {
  // In any order, and more than once.
  const some = [12, 3, 3, 0, 7];
  const samples = Int32Array.from(some);
  const goal = { kind: "untargeted", labels: Int32Array.from(some, (i) => (labels[i]! + 1) % CLASSES) } as const;
  const { logits, gradient } = await model.gradient(rows(x, some), goal, "cross-entropy", samples);
  expect((await model.logits(rows(x, some), samples)).data).toEqual(logits.data);
  for (const [k, i] of some.entries()) {
    const z = truth(i, about);
    const total = z.reduce((sum, v) => sum + Math.exp(v), 0);
    for (let c = 0; c < CLASSES; c++) expect(logits.data[k * CLASSES + c]).toBeCloseTo(z[c]!, 4);
    for (let j = 0; j < 6; j++) {
      const slope = z.reduce(
        (sum, v, c) => sum + (Math.exp(v) / total - Number(c === goal.labels[k])) * W[j * CLASSES + c]!,
        0,
      );
      expect(gradient.data[k * 6 + j]).toBeCloseTo(slope, 4);
    }
  }
}

describe("a feed with a row for each sample follows the samples", () => {
  it.each([
    ["with the batch of the same name", {}],
    ["joined to what is perturbed", { joined: true }],
    ["with a batch of another name", { about: ["M", 4] }],
    ["with a batch of another name, joined", { about: ["M", 4], joined: true }],
    ["with a batch without a name", { image: [null, 6], about: [null, 4] }],
    ["with a fixed batch of one", { image: [1, 6], about: [1, 4] }],
    ["with a fixed batch of several", { image: [4, 6], about: [4, 4] }],
    ["with sizes that are open", { about: ["N", "features"] }],
  ] satisfies [string, Shape][])("%s", async (_, shape) => {
    await using(opened(twoInputs(shape), meta), async (model) => {
      expect(model.samples).toBe(N);
      await expectTruth(model);
    });
  });

  it("of every type", async () => {
    const whole = Float32Array.from(meta.data, (v) => Math.round(4 * v));
    const half = {
      type: "float16",
      dims: [N, 4],
      data: Uint16Array.from(whole, (v) => [0, 0x3c00, 0x4000, 0x4200, 0x4400][v]!),
    } as const;
    await using(opened(twoInputs({ type: "float16" }), half), (model) => expectTruth(model, whole));
    const double = tensor("float64", [N, 4], Float64Array.from(whole));
    await using(opened(twoInputs({ type: "float64" }), double), (model) => expectTruth(model, whole));
    const integers = tensor("int64", [N, 4], BigInt64Array.from(whole, BigInt));
    await using(opened(twoInputs({ type: "int64" }), integers), (model) => expectTruth(model, whole));
  });

  it("beside an input of whole numbers", async () => {
    const b = new Ops(emptyGraph("two"));
    const pixels = b.cast(b.input({ name: "image", type: "uint8", dims: ["N", 6] }), "float32");
    const about = b.input({ name: "about", type: "float32", dims: ["N", 4] });
    const [w, v] = [b.constant(floats([6, CLASSES], W)), b.constant(floats([4, CLASSES], V))];
    b.alias("scores", b.plus(b.matmul(b.div(pixels, b.scalar(255, pixels)), w), b.matmul(about, v)));
    await using(opened(b.finish(["scores"]), meta), async (model) => {
      const { data: logits } = await model.logits(rows(x, [7, 2]), Int32Array.of(7, 2));
      // To the nearest of 256 levels.
      const rounding = Math.max(...W.map(Math.abs)) * (6 / 510);
      for (const [k, i] of [7, 2].entries())
        for (const [c, z] of truth(i).entries()) expect(Math.abs(logits[k * CLASSES + c]! - z)).toBeLessThan(rounding);
    });
  });

  it("in evaluations: every attack, batch, offset and limit", async () => {
    await using(opened(twoInputs(), meta), async (model) => {
      const few = { epsilons: [0.02], maxQueries: 20, surrogate: model };
      const pixel = { ...few, epsilons: [1] };
      for (const attack of Object.values<AnyAttack<never>>(attacks))
        for (const norm of attack.norms.filter((name) => name !== "spatial").slice(0, 1)) {
          const budget = norm === "l0" ? pixel : few;
          const some = { attacks: [attack as AnyAttack], norm, ...budget, limit: 3, offset: 5, followUp: false };
          expect((await evaluate(model, data, some)).evaluation.clean).toMatchObject({ correct: 3 });
        }
      const records = async (batch: number, eot: number) =>
        (await evaluate(model, data, { attacks: [attacks.pgd], ...few, batch, eot })).records!.map(
          ({ index, prediction, outcome }) => [index, prediction, outcome],
        );
      const whole = await records(N, 1);
      expect(whole.map(([, prediction]) => prediction)).toEqual(labels);
      expect(await records(4, 1)).toEqual(whole);
      expect(await records(5, 2)).toEqual(whole);
      // In other threads too, which get the rows with the model.
      const { plan } = await openEvaluation(model, data, { attacks: [attacks.pgd], epsilons: [0.02], maxQueries: 20 });
      const work = worker(structuredClone((await setupFor({ model, plan }))!), runtime);
      const away: unknown[] = [];
      for await (const batch of data.batches({ batch: 5 })) {
        const answer = await work(batch);
        if ("error" in answer) throw revive(answer.error);
        away.push(...answer.tally.records.map(({ index, prediction, outcome }) => [index, prediction, outcome]));
      }
      expect(away).toEqual(whole);
    });
  });

  it("and a query that does not say whose it is, or data of another size, is refused", async () => {
    await using(opened(twoInputs(), meta), async (model) => {
      expect((await failure("usage", () => model.logits(x))).message).toMatch(
        /^two takes a row of "about" for each sample/,
      );
      await failure("mismatch", () => model.logits(floats([1, 6], x.data.slice(0, 6)), Int32Array.of(N)));
      const fewer = arrayDataset(floats([4, 6], x.data.slice(0, 24)), labels.slice(0, 4), CLASSES);
      const error = await failure("mismatch", () =>
        evaluate(model, fewer, { attacks: [attacks.fgsm], epsilons: [0.1] }),
      );
      expect(error.message).toMatch(/has 13 rows for two, and .* has 4 samples/);
    });
  });

  it("tells evaluations apart", async () => {
    const facts = (about: Tensor) =>
      using(opened(twoInputs(), about), async (model) => {
        const ground = { model, data, plan: { attacks: [], series: [], epsilons: [] }, subject: { runtime: {} } };
        return new Map(await factsOf(ground as unknown as Parameters<typeof factsOf>[0]));
      });
    const [a, b] = [await facts(meta), await facts(floats([N, 4], numbers(N * 4, 9)))];
    expect([...a].filter(([name, value]) => b.get(name) !== value).map(([name]) => name)).toEqual([
      'SHA-256 of what "about" of the model holds, [13, 4]',
    ]);
  });
});

describe("an input without a shape", () => {
  const once = numbers(4, 6);
  it("takes a row for each sample, or one for all", async () => {
    await using(opened(twoInputs({ about: null }), meta), async (model) => {
      expect(model.samples).toBe(N);
      await expectTruth(model);
    });
    for (const dims of [[4], [1, 4]])
      await using(opened(twoInputs({ about: null }), floats(dims, once)), async (model) => {
        expect(model.samples).toBeUndefined();
        await expectTruth(
          model,
          Float32Array.from({ length: N * 4 }, (_, i) => once[i % 4]!),
        );
      });
  });

  it("refuses what the graph cannot take, in words of its own", async () => {
    for (const wrong of [floats([4, N], meta.data), floats([N, 5], numbers(N * 5, 1))]) {
      const { message } = await failure("mismatch", () => opened(twoInputs({ about: null }), wrong));
      expect(message).toMatch(/^two cannot be run with what is given for "about" \(float32 \[/);
      expect(message).toMatch(/MatMul takes \[\d+, \d+\] and \[4, 4\] there/);
      expect(message).not.toMatch("ONNX Runtime");
    }
  });
});

describe("a feed that fits once is the same for all samples", () => {
  const one = floats([1, 4], meta.data.slice(0, 4));
  const same = Float32Array.from({ length: N * 4 }, (_, i) => meta.data[i % 4]!);
  it.each([
    ["one row", {}, one],
    ["one row, joined", { joined: true }, one],
    ["no batch", {}, floats([4], meta.data.slice(0, 4))],
    ["one row for a fixed batch", { image: [4, 6], about: [4, 4] }, one],
    ["one row for a fixed batch, joined", { image: [4, 6], about: [4, 4], joined: true }, one],
  ] satisfies [string, Shape, FloatTensor][])("%s", async (_, shape, about) => {
    await using(opened(twoInputs(shape), about), async (model) => {
      expect(model.samples).toBeUndefined();
      await expectTruth(model, same);
    });
  });

  it.each([
    ["declared without a row", [4], one],
    ["declared as one row", [1, 4], floats([4], one.data)],
  ] satisfies [string, readonly Dim[], FloatTensor][])(
    "with an axis of 1 more or less: %s",
    async (_, about, given) => {
      await using(opened(twoInputs({ about }), given), async (model) => {
        expect(model.samples).toBeUndefined();
        await expectTruth(model, same);
      });
    },
  );

  it("and one number for each sample is a column or a list", async () => {
    const scale = numbers(N, 8, 1, 2);
    const graph = (about: readonly Dim[]): Graph => {
      const b = new Ops(emptyGraph("scaled"));
      const a = b.input({ name: "about", type: "float32", dims: about });
      const pixels = b.input({ name: "image", type: "float32", dims: ["N", 6] });
      const column = about.length === 1 ? b.unsqueeze(a, [1]) : a;
      b.alias("scores", b.mul(b.matmul(pixels, b.constant(floats([6, CLASSES], W))), column));
      return b.finish(["scores"]);
    };
    for (const [about, dims] of [
      [["N", 1], [N]],
      [["N"], [N, 1]],
    ] as const)
      await using(opened(graph(about), floats(dims, scale)), async (model) => {
        expect(model.samples).toBe(N);
        const { data: logits } = await model.logits(rows(x, [7, 2]), Int32Array.of(7, 2));
        for (const [k, i] of [7, 2].entries())
          expect(logits[k * CLASSES]).toBeCloseTo(scale[i]! * truth(i, new Float32Array(N * 4))[0]!, 4);
      });
  });

  it("also where its first axis is open and no batch, which a run tells", async () => {
    const b = new Ops(emptyGraph("g"));
    const table = b.input({ name: "about", type: "float32", dims: ["K", CLASSES] });
    const pixels = b.input({ name: "image", type: "float32", dims: ["N", "K"] });
    b.alias("scores", b.matmul(pixels, table));
    const whole = opened(b.finish(["scores"]), floats([6, CLASSES], W), [6]);
    await using(whole, async (model) => {
      expect(model.samples).toBeUndefined();
      const { data: logits } = await model.logits(x);
      for (let i = 0; i < N; i++)
        for (let c = 0; c < CLASSES; c++)
          expect(logits[i * CLASSES + c]).toBeCloseTo(truth(i, new Float32Array(N * 4))[c]!, 5);
    });
  });

  it("is refused where it fits neither way", async () => {
    const select = (shape: Shape, about: Tensor) =>
      selectEndpoints(twoInputs(shape), { input: "image", feeds: new Map([["about", about]]) });
    for (const wrong of [floats([N, 5], numbers(N * 5, 1)), floats([N, 4, 1], meta.data), floats([3], [1, 2, 3])])
      await failure("mismatch", () => select({}, wrong));
    // Of an axis that is fixed and not the batch, all of it.
    await failure("mismatch", () => select({ about: [2, 4] }, meta));
    // The advice is none that is refused in turn.
    for (const about of [[1, 4], [4]]) {
      const { message } = await failure("mismatch", () => select({ about }, meta));
      expect(message).toMatch("the model takes no row for each of them");
      const other = await failure("mismatch", () => select({ about }, floats([3], [1, 2, 3])));
      expect(other.message).toMatch("which is the same for all samples");
      expect(other.message).not.toMatch("a row for each");
    }
    // The batch stands behind another axis.
    const error = await failure("mismatch", () => select({ about: [1, "N", 4] }, floats([1, N, 4], meta.data)));
    expect(error.message).toMatch(/^Axis 1 of the input "about", \[1, N, 4\], holds the samples/);
  });
});
