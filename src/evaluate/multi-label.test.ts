import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { dense, floats, graphOf, linearGraph, numbers } from "../../test/support/models.ts";
import type { AnyAttack } from "../attack.ts";
import { attacks } from "../attacks/index.ts";
import type { Dataset } from "../dataset.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import { multiLabel } from "../models/classifier/multi-label.ts";
import { openModel } from "../models/open.ts";
import { writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { readReport, toJson } from "../report/files/json.ts";
import { evaluationSchema } from "../report/files/schema.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { adversarialExamples } from "./adversarial.ts";
import { evaluate, openEvaluation } from "./evaluation.ts";
import { revive, setupFor, worker } from "./places/work.ts";
import { compareRuns } from "./results/compare.ts";
import { accuracyOf } from "./results/statistics.ts";
import { lineSchema } from "./state/decode.ts";
import { tallyText } from "./state/encode.ts";

const [N, D, L] = [40, 6, 4];
const W = numbers(D * L, 11);
const B = [...numbers(L, 12, -0.2, 0.2)];
// So far inside the bounds that no ε of these tests reaches them.
const x = floats([N, D], numbers(N * D, 13, 0.35, 0.65));

/** z = xW + b, in float64. */
const scores = (at: ArrayLike<number>): number[] =>
  B.map((bias, l) => Array.from({ length: D }, (_, j) => at[j]! * W[j * L + l]!).reduce((a, b) => a + b, bias));
const sample = (i: number) => x.data.subarray(i * D, (i + 1) * D);

/** As the model has them, but for one label in seven. */
const Y = Array.from({ length: N }, (_, i) =>
  scores(sample(i)).map((z, l) => Number(z > 0 !== ((i * L + l) % 7 === 3))),
);
const data = datasetOf({ x, labelSets: floats([N, L], Y.flat()) });

const margins = (at: ArrayLike<number>, y: readonly number[]) => scores(at).map((z, l) => (2 * y[l]! - 1) * z);
const norm1 = (l: number) => Array.from({ length: D }, (_, j) => Math.abs(W[j * L + l]!)).reduce((a, b) => a + b);
const bce = (at: ArrayLike<number>, y: readonly number[], labels: readonly number[]) =>
  labels.reduce((sum, l) => sum + Math.log1p(Math.exp(-margins(at, y)[l]!)), 0);

const graph = (head: (b: Ops, z: string) => string = (b, z) => b.add("Sigmoid", [z])): Graph =>
  graphOf([D], (b, input) => head(b, dense(b, input, W, B)));

const runtime = nodeRuntime("cpu", 1);
interface Given {
  readonly of?: Dataset;
  readonly flip?: readonly number[];
  readonly threshold?: number;
}
async function using<T>(
  of: Graph,
  { of: set = data, flip, threshold }: Given,
  work: (model: GraphModel) => Promise<T>,
) {
  const model = await openModel(writeOnnx(of), { runtime, threshold, ...multiLabel(set, flip) });
  try {
    return await work(model);
  } finally {
    await model.release();
  }
}
const all = [0, 1, 2, 3];
const few = [5, 0, 39, 5];

describe("the scores and the loss of a model with several labels", () => {
  it.each([
    ["behind sigmoids", graph(), {}],
    [
      "behind clipped ones",
      graph((b, z) => b.add("Clip", [b.add("Sigmoid", [z]), b.scalar(1e-6, z), b.scalar(1 - 1e-6, z)])),
      {},
    ],
    ["as logits", graph((_, z) => z), {}],
    ["as logits, with their threshold", graph((_, z) => z), { threshold: 0 }],
    [
      "as sigmoids that cannot be seen",
      graph((b, z) => b.add("Sigmoid", [b.add("Clip", [z, b.scalar(-8, z), b.scalar(8, z)])])),
      {},
    ],
    [
      "as probabilities, which the threshold says",
      graph((b, z) => {
        const half = b.scalar(0.5, z);
        return b.mul(half, b.plus(b.scalar(1, z), b.add("Tanh", [b.mul(half, z)])));
      }),
      { threshold: 0.5 },
    ],
    ["of some labels alone", graph(), { flip: [3, 1] }],
  ] satisfies [string, Graph, Given][])("%s", async (_, of, given: Given) => {
    const labels = [...(given.flip ?? all)].sort((a, b) => a - b);
    await using(of, given, async (model) => {
      expect([model.head, model.classes, model.samples]).toEqual(["multi-label", labels.length + 1, N]);
      const rows = floats(
        [few.length, D],
        few.flatMap((i) => [...sample(i)]),
      );
      const goal = { kind: "untargeted", labels: new Int32Array(few.length) } as const;
      const { logits, loss, gradient } = await model.gradient(rows, goal, "cross-entropy", Int32Array.from(few));
      for (const [k, i] of few.entries()) {
        const at = [...sample(i)];
        const wanted = [0, ...labels.map((l) => -margins(at, Y[i]!)[l]!)];
        for (const [c, z] of wanted.entries()) expect(logits.data[k * wanted.length + c]).toBeCloseTo(z, 5);
        expect(loss.data[k]).toBeCloseTo(bce(at, Y[i]!, labels), 5);
        for (let j = 0; j < D; j++) {
          const moved = (by: number) => bce(at.with(j, at[j]! + by), Y[i]!, labels);
          expect(gradient.data[k * D + j]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 5);
        }
      }
    });
  });

  it("has the direction of the label that is least sure where float32 has nothing left of any", async () => {
    const steep = (b: Ops, z: string) => b.add("Sigmoid", [b.mul(z, b.scalar(1e5, z))]);
    const z = scores(sample(0));
    const labelSets = floats(
      [1, L],
      z.map((v) => Number(v > 0)),
    );
    const [unsure] = [...all].sort((a, b) => Math.abs(z[a]!) - Math.abs(z[b]!)) as [number];
    await using(graph(steep), { of: datasetOf({ x: floats([1, D], sample(0)), labelSets }) }, async (model) => {
      const goal = { kind: "untargeted", labels: Int32Array.of(0) } as const;
      const { gradient } = await model.gradient(floats([1, D], sample(0)), goal, "cross-entropy", Int32Array.of(0));
      for (let j = 0; j < D; j++)
        expect(Math.sign(gradient.data[j]!)).toBe(-Math.sign(z[unsure]!) * Math.sign(W[j * L + unsure]!));
    });
  });

  it("keeps the size of a gradient where float32 has no 1 + exp(-m)", async () => {
    const steep = (b: Ops, z: string) => b.add("Sigmoid", [b.mul(z, b.scalar(60, z))]);
    const sure = datasetOf({
      x: floats([1, D], sample(0)),
      labelSets: floats(
        [1, L],
        scores(sample(0)).map((z) => Number(z > 0)),
      ),
    });
    await using(graph(steep), { of: sure }, async (model) => {
      const goal = { kind: "untargeted", labels: Int32Array.of(0) } as const;
      const { gradient } = await model.gradient(floats([1, D], sample(0)), goal, "cross-entropy", Int32Array.of(0));
      const z = scores(sample(0)).map((v) => 60 * v);
      for (let j = 0; j < D; j++) {
        const slope = z.reduce(
          (sum, v, l) => sum - (Math.sign(v) * (60 * W[j * L + l]!)) / (1 + Math.exp(Math.abs(v))),
          0,
        );
        expect(gradient.data[j]! / slope).toBeCloseTo(1, 3);
      }
    });
  });

  it("a label on the threshold is not predicted, as of one output", async () => {
    const still = graphOf([2], (b, input) => b.add("Sigmoid", [b.mul(input, b.scalar(0, input))]));
    const sets = datasetOf({ x: floats([3, 2], numbers(6, 1, 0, 1)), labelSets: floats([3, 2], [0, 0, 1, 0, 0, 1]) });
    await using(still, { of: sets }, async (model) => {
      const { records } = await evaluate(model, sets, { attacks: [attacks.fgsm], epsilons: [0.1], followUp: false });
      expect(records!.map(({ prediction }) => prediction)).toEqual([0, 1, 2]);
    });
  });
});

const epsilons = [0.005, 0.02, 0.06, 0.12];
const isRight = (i: number, labels: readonly number[]) => labels.every((l) => margins(sample(i), Y[i]!)[l]! > 0);

describe("evaluations of whole sets of labels", () => {
  it.each(all)("label %i flips under fgsm where its margin is at most ε‖w‖₁", async (l) => {
    await using(graph(), { flip: [l] }, async (model) => {
      const { evaluation } = await evaluate(model, data, { attacks: [attacks.fgsm], epsilons, followUp: false });
      const survives = (epsilon: number) =>
        Array.from({ length: N }, (_, i) => margins(sample(i), Y[i]!)[l]!).filter((m) => m > epsilon * norm1(l)).length;
      expect(evaluation.clean.correct).toBe(survives(0));
      expect(evaluation.worst.map(({ correct }) => correct)).toEqual(epsilons.map(survives));
      expect(survives(0)).toBeGreaterThan(l === 2 ? 0 : survives(0.12));
      expect(evaluation.labels).toEqual([
        {
          label: l,
          clean: accuracyOf(survives(0), N),
          worst: epsilons.map((epsilon) => ({ epsilon, ...accuracyOf(survives(epsilon), N) })),
        },
      ]);
    });
  });

  it("any label: fgsm's counts, and those of each label, are those of its own step", async () => {
    await using(graph(), {}, async (model) => {
      const { evaluation } = await evaluate(model, data, { attacks: [attacks.fgsm], epsilons, followUp: false });
      expect(await readReport(toJson(evaluation), "report.json")).toEqual(evaluation);
      const stepped = (i: number, epsilon: number) => {
        const m = margins(sample(i), Y[i]!);
        return [...sample(i)].map((v, j) => {
          const slope = m.reduce((sum, at, l) => sum - ((2 * Y[i]![l]! - 1) * W[j * L + l]!) / (1 + Math.exp(at)), 0);
          return v + epsilon * Math.sign(slope);
        });
      };
      const right = Array.from({ length: N }, (_, i) => i).filter((i) => isRight(i, all));
      expect(evaluation.clean).toMatchObject({ correct: right.length, total: N });
      expect(right.length).toBeGreaterThan(10);
      // Where one step of a larger ε fools less, the smaller one counts: robust accuracy never rises.
      const fooledAt = right.map((i) => epsilons.findIndex((e) => margins(stepped(i, e), Y[i]!).some((m) => m <= 0)));
      const counts = epsilons.map((_, k) => fooledAt.filter((at) => at < 0 || at > k).length);
      expect(evaluation.worst.map(({ correct }) => correct)).toEqual(counts);
      expect(new Set(counts).size).toBeGreaterThan(2);
      const rightAt = (l: number, k: number) =>
        Array.from({ length: N }, (_, i) => {
          const place = right.indexOf(i);
          const own = epsilons.slice(0, k + 1).findLast((e) => margins(stepped(i, e), Y[i]!).some((m) => m <= 0));
          const at = place >= 0 && own !== undefined ? stepped(i, own) : sample(i);
          return margins(at, Y[i]!)[l]! > 0;
        }).filter(Boolean).length;
      for (const { label, clean, worst } of evaluation.labels!) {
        expect(clean.correct).toBe(Y.filter((y, i) => margins(sample(i), y)[label]! > 0).length);
        expect(worst.map(({ correct }) => correct)).toEqual(epsilons.map((_, k) => rightAt(label, k)));
      }
      expect(evaluation.warnings.map(({ code }) => code)).toContain("multi-label");
    });
  });

  it("any label: the nearest boundary is that of the label with the least margin over ‖w‖₁", async () => {
    await using(graph(), {}, async (model) => {
      const found = await evaluate(model, data, { attacks: [attacks.deepfool], epsilons: [0.3], followUp: false });
      const attacked = found.records!.filter(({ outcome }) => outcome === "fooled");
      expect(attacked.length).toBeGreaterThan(10);
      for (const { index, linf, adversarialPrediction } of attacked) {
        const reach = margins(sample(index), Y[index]!).map((m, l) => m / norm1(l));
        const least = Math.min(...reach);
        // Its overshoot is 2 %, and its least step 1e-4.
        expect(linf!).toBeGreaterThan(0.999 * least);
        expect(linf!).toBeLessThan(1.021 * (least + 1e-4));
        expect(adversarialPrediction).toBe(1 + reach.indexOf(least));
      }
    });
  });

  it("every attack, with the same result in any batch, in a part, and in other threads", async () => {
    await using(graph(), {}, async (model) => {
      const budget = { epsilons: [0.02], maxQueries: 20, surrogate: model, followUp: false };
      for (const attack of Object.values<AnyAttack<never>>(attacks))
        for (const norm of attack.norms.filter((name) => name !== "spatial").slice(0, 1)) {
          const sized = norm === "l0" ? { ...budget, epsilons: [1] } : budget;
          const { evaluation } = await evaluate(model, data, {
            attacks: [attack as AnyAttack],
            norm,
            ...sized,
            limit: 4,
          });
          evaluationSchema.parse(evaluation);
        }
      const options = { attacks: [attacks.pgd], epsilons: [0.01, 0.05], maxQueries: 20, followUp: false };
      const whole = await evaluate(model, data, options);
      const parts = await evaluate(model, data, { ...options, batch: 7 });
      expect(parts.evaluation.labels).toEqual(whole.evaluation.labels);
      const plain = (records: typeof whole.records) => records!.map((record) => ({ ...record, seconds: 0 }));
      expect(plain(parts.records)).toEqual(plain(whole.records));
      const some = await evaluate(model, data, { ...options, limit: 9 });
      expect(some.evaluation.data.drawn).toBeDefined();
      for (const record of plain(some.records)) expect(record).toEqual(plain(whole.records)[record.index]);

      const { plan } = await openEvaluation(model, data, options);
      const work = worker(structuredClone((await setupFor({ model, plan }))!), runtime);
      const right = new Array<number>(L).fill(0);
      for await (const batch of data.batches({ batch: 7 })) {
        const answer = await work(batch);
        if ("error" in answer) throw revive(answer.error);
        for (const [l, count] of answer.tally.worst[1]!.labels!.entries()) right[l]! += count;
        const samples = batch.labels.length;
        const extent = { classes: L + 1, budgets: 2, points: 2, attacks: 1, first: 0, total: N, batch: 7, shape: [D] };
        const line = lineSchema(extent, samples).parse(JSON.parse(tallyText({ tally: answer.tally, seconds: 1 })));
        expect(line).toMatchObject({ tally: { labels: answer.tally.labels } });
      }
      expect(right).toEqual(whole.evaluation.labels!.map(({ worst }) => worst[1]!.correct));
    });
  });

  it("reports of other goals are not compared", async () => {
    const runs = [undefined, [0], [0]].map((flip) =>
      using(graph(), { ...(flip && { flip }) }, async (model) => {
        const found = await evaluate(model, data, { attacks: [attacks.fgsm], epsilons, followUp: false });
        const samples = (async function* () {
          yield* found.records!;
        })();
        return { name: String(flip), evaluation: found.evaluation, samples };
      }),
    );
    const [any, first, again] = await Promise.all(runs);
    expect((await failure("mismatch", () => compareRuns(any!, first!))).message).toMatch(/labels that may flip/);
    expect((await compareRuns(first!, again!)).clean.difference).toBe(0);
  });

  it("says where always the commonest set would do as well", async () => {
    const labelSets = floats(
      [N, L],
      Y.flatMap((y, i) => (i % 2 === 0 ? [1, 1, 1, 1] : y.map((v) => 1 - v))),
    );
    const other = datasetOf({ x, labelSets });
    await using(graph(), { of: other }, async (model) => {
      const { evaluation } = await evaluate(model, other, { attacks: [attacks.fgsm], epsilons: [0.1] });
      const found = evaluation.warnings.filter(({ code }) => code === "chance-accuracy" || code === "likely-cause");
      expect(found.map(({ message }) => message).join()).toMatch(/^Exact match is .* the commonest set of labels/);
    });
  });
});

describe("what does not fit is refused", () => {
  const options = { attacks: [attacks.fgsm], epsilons: [0.1] };
  it("data and models that are not for each other", async () => {
    const other = datasetOf({
      x,
      labelSets: floats(
        [N, L],
        Y.flat().map((v) => 1 - v),
      ),
    });
    const classes = datasetOf({ x, labels: new Array(N).fill(0) });
    await using(graph(), {}, async (model) => {
      await failure("mismatch", () => evaluate(model, other, options));
      await failure("mismatch", () => evaluate(model, classes, options));
      const error = await failure("usage", () => evaluate(model, data, { ...options, target: 1 }));
      expect(error.message).toMatch(/`target: 1` is a class/);
      await failure("usage", () => adversarialExamples(model, data, { ...options, target: 1 }));
      await using(graph(), { flip: [0] }, (surrogate) =>
        failure("mismatch", () => evaluate(model, data, { ...options, surrogate })),
      );
    });
    const plain = await openModel(writeOnnx(graph()), { runtime });
    const error = await failure("mismatch", () => evaluate(plain, data, options));
    expect(error.message).toMatch(/`head: "multi-label"`/);
    await plain.release();
    await failure("usage", () => multiLabel(classes));
  });

  it("options that do not go together, and labels that are none", async () => {
    const opened = (given: object, of = graph()) => openModel(writeOnnx(of), { runtime, ...given });
    const labelSets = data.labelSets!;
    await failure("usage", () => opened({ head: "multi-label" }));
    await failure("usage", () => opened({ labelSets }));
    await failure("usage", () => opened({ flip: [0] }));
    await failure("usage", () => opened({ ...multiLabel(data, [4]) }));
    await failure("usage", () => opened({ ...multiLabel(data, []) }));
    await failure("mismatch", () =>
      opened({
        head: "multi-label",
        labelSets: floats(
          [N, 3],
          Y.flatMap((y) => y.slice(1)),
        ),
      }),
    );
    await failure("out-of-bounds", () => opened({ head: "multi-label", labelSets: floats([1, L], [0, 1, 2, 0]) }));
    await failure("usage", () => opened({ ...multiLabel(data), threshold: 1 }));
    await failure("invalid-file", () => datasetOf({ x, labelSets: floats([N], new Array(N).fill(1)) }));
    await failure("invalid-file", () => datasetOf({ x, labelSets: floats([N, L], Y.flat().with(3, 0.5)) }));
    await failure("mismatch", () => datasetOf({ x, labelSets: floats([N - 1, L], Y.slice(1).flat()) }));
  });

  it("outputs that hold no score for each of several labels", async () => {
    const opened = (of: Graph) => openModel(writeOnnx(of), { runtime, ...multiLabel(data) });
    await failure("usage", () => opened(graph((b, z) => b.add("Softmax", [z], { axis: 1 }))));
    await failure("usage", () => opened(linearGraph([D], W.slice(0, D), [0])));
    await failure("unsupported", () => opened(graph((b, z) => b.mul(b.add("Sigmoid", [z]), b.scalar(3, z)))));
    await failure("unsupported", () => opened(graph((b, z) => b.cast(b.add("Greater", [z, b.scalar(0, z)]), "int64"))));
    const half = (b: Ops, z: string) => b.mul(b.scalar(0.5, z), b.plus(b.scalar(1, z), b.add("Tanh", [z])));
    const error = await failure("usage", () => opened(graph(half)));
    expect(error.message).toMatch(/`threshold: 0.5`.*`threshold: 0`/);
  });
});
