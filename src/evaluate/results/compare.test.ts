import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { run } from "../../../test/support/evaluate.ts";
import { lenetFile } from "../../../test/support/models.ts";
import { fgsm } from "../../attacks/gradient/fgsm.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { Evaluation, SampleRecord } from "../../evaluate.ts";
import { compareRuns, type RecordedRun } from "./compare.ts";
import { accuracyOf } from "./statistics.ts";

const EPSILONS = [0.1, 8 / 255 + 0.1, 0.3];

type Fate = "misclassified" | "skipped" | "not-fooled" | "error" | number;

function record(index: number, fate: Fate): SampleRecord {
  const label = index % 3;
  const fooled = typeof fate === "number";
  return {
    index,
    label,
    prediction: fate === "misclassified" ? label + 1 : label,
    margin: 1,
    outcome: fooled ? "fooled" : fate,
    epsilon: fooled ? fate : null,
    attack: fooled ? "pgd" : null,
    adversarialPrediction: fooled ? label + 1 : null,
    linf: fooled ? fate : null,
    l2: fooled ? 1 : null,
    l1: fooled ? 1 : null,
    l0: fooled ? 1 : null,
    queries: 1,
    forwards: 1,
    gradients: 1,
    source: null,
    seconds: 0.1,
  };
}

/** What of an evaluation is compared. */
interface Given {
  readonly data?: Partial<Evaluation["data"]>;
  readonly options?: Partial<Evaluation["options"]>;
}

async function* streamOf(records: readonly SampleRecord[]) {
  yield* records;
}

function runOf(name: string, records: readonly SampleRecord[], { data, options }: Given = {}): RecordedRun {
  const epsilons = options?.epsilons ?? EPSILONS;
  const total = records.length;
  const right = (epsilon: number) =>
    records.filter(
      (r) => r.outcome === "not-fooled" || r.outcome === "skipped" || (r.outcome === "fooled" && r.epsilon! > epsilon),
    ).length;
  const evaluation = {
    model: { name: `${name}.onnx`, sha256: "0".repeat(64) },
    data: { name: "mnist", offset: 0, total, ...data },
    options: { attacks: ["pgd"], settings: [], norm: "linf", target: null, seed: 0, epsilons, ...options },
    clean: accuracyOf(records.filter((r) => r.prediction === r.label).length, total),
    worst: epsilons.map((epsilon) => ({ epsilon, ...accuracyOf(right(epsilon), total), errors: 0 })),
  } as unknown as Evaluation;
  return { name, evaluation, samples: streamOf(records) };
}

const records = (...fates: Fate[]) => fates.map((fate, i) => record(i, fate));
const [low, middle, high] = EPSILONS as [number, number, number];

describe("compareRuns", () => {
  it("counts which samples are correct and not fooled for which model", async () => {
    const a = runOf("a", records("not-fooled", "not-fooled", low, "misclassified", "skipped", high, "misclassified"));
    const b = runOf("b", records("not-fooled", low, "not-fooled", "not-fooled", middle, low, "misclassified"));
    const { clean, points, warnings, ...facts } = await compareRuns(a, b);
    expect(facts).toEqual({
      a: { name: "a", model: "a.onnx", sha256: "0".repeat(64), attacks: ["pgd"] },
      b: { name: "b", model: "b.onnx", sha256: "0".repeat(64), attacks: ["pgd"] },
      data: { name: "mnist", offset: 0, total: 7 },
      norm: "linf",
      target: null,
    });
    const counts = [clean, ...points].map((p) => [p.both, p.onlyA, p.onlyB, p.neither]);
    expect(counts).toEqual([
      [5, 0, 1, 1],
      [2, 2, 2, 1],
      [1, 3, 2, 1],
      [1, 2, 2, 2],
    ]);
    expect(points.map(({ epsilon }) => epsilon)).toEqual(EPSILONS);
    expect(points[1]).toMatchObject({ a: accuracyOf(4, 7), b: accuracyOf(3, 7), difference: 1 / 7, pValue: 1 });
    expect(warnings).toEqual([]);
  });

  it("finds no difference between a run and itself", async () => {
    const same = records("not-fooled", low, "misclassified", high);
    for (const point of (await compareRuns(runOf("a", same), runOf("b", same))).points)
      expect(point).toMatchObject({ difference: 0, onlyA: 0, onlyB: 0, pValue: 1 });
  });

  it("compares at the ε that both have, however they were written, and says what is left out", async () => {
    const a = runOf("a", records("not-fooled", 0.1), { options: { epsilons: [0.1, 0.2] } });
    const b = runOf("b", records(0.30000000000000004, 0.1), { options: { epsilons: [0.1, 0.30000000000000004] } });
    const { points, warnings } = await compareRuns(a, b);
    expect(points.map(({ epsilon }) => epsilon)).toEqual([0.1]);
    expect(warnings.map(({ code }) => code)).toEqual(["other-epsilons"]);
    expect(warnings[0]!.message).toMatch(/ε = 0\.2, 0\.3/);
    const close = runOf("c", records(0.3, 0.3), { options: { epsilons: [0.3] } });
    const again = runOf("b", records(0.30000000000000004, "not-fooled"), {
      options: { epsilons: [0.30000000000000004] },
    });
    expect((await compareRuns(close, again)).points[0]).toMatchObject({ onlyB: 1, neither: 1 });
  });

  it("warns where more than the model differs", async () => {
    const a = runOf("a", records("not-fooled"));
    const b = runOf("b", records("not-fooled"), { options: { attacks: ["fgsm"], seed: 1 } });
    const { warnings } = await compareRuns(a, b);
    expect(warnings.map(({ message }) => message.slice(0, 30))).toEqual([
      "The runs differ in attacks: pg",
      "The runs differ in seed: 0 and",
    ]);
  });

  it.each<[string, Given, RegExp]>([
    ["data", { data: { name: "fashion-mnist" } }, /data is mnist in the one and fashion-mnist/],
    ["a part of the data", { data: { offset: 5 } }, /first sample is 0 in the one and 5/],
    ["a norm", { options: { norm: "l2" } }, /norm is linf in the one and l2/],
    ["a goal", { options: { target: 3 } }, /target is none in the one and 3/],
    ["budgets", { options: { epsilons: [0.7] } }, /ε is 0\.1, .*in the one and 0\.7/],
  ])("refuses other %s", async (_, given, message) => {
    const fates = records("not-fooled", "not-fooled");
    expect((await failure("mismatch", () => compareRuns(runOf("a", fates), runOf("b", fates, given)))).message).toMatch(
      message,
    );
  });

  it("refuses other samples", async () => {
    const three = records("not-fooled", "not-fooled", "not-fooled");
    const others: [SampleRecord[], RegExp][] = [
      [[three[0]!, record(2, "not-fooled"), record(3, "not-fooled")], /sample is 1 in the one and 2/],
      [[three[0]!, three[1]!, { ...three[2]!, label: 9, prediction: 9 }], /label of sample 2 is 2 in the one and 9/],
      [three.slice(0, 2), /sample 2 is there in the one and missing/],
      [[...three, record(3, "not-fooled")], /sample 3 is missing in the one and there/],
    ];
    for (const [other, message] of others) {
      const b = runOf("b", other, { data: { total: 3 } });
      expect((await failure("mismatch", () => compareRuns(runOf("a", three), b))).message).toMatch(message);
    }
  });

  it("refuses records of another run", async () => {
    const a = runOf("a", records("not-fooled", low));
    const b = { ...runOf("b", records("not-fooled", low)), samples: streamOf(records("not-fooled", "not-fooled")) };
    const { message } = await failure("invalid-file", () => compareRuns(a, b));
    expect(message).toMatch(
      /^b does not agree with itself: at ε = 0\.1, its report counts 1 correct samples, and its .* 2/,
    );
    expect((await failure("invalid-file", () => compareRuns(b, a))).message).toMatch(/^b /);
  });

  it("agrees with two real evaluations, whose records it takes as they come", async () => {
    const mnist = await openDataset("mnist");
    const runs = await Promise.all(
      [fgsm, pgd].map(async (attack, i) => {
        const samples: SampleRecord[] = [];
        const { evaluation } = await run(lenetFile(), mnist, {
          attacks: [attack],
          epsilons: [0.1, 0.2],
          limit: 60,
          batch: 25,
          onRecords: (batch) => void samples.push(...batch),
        });
        return { name: "ab"[i]!, evaluation, samples: streamOf(samples) };
      }),
    );
    const { clean, points } = await compareRuns(runs[0]!, runs[1]!);
    expect(clean).toMatchObject({ onlyA: 0, onlyB: 0, a: { correct: runs[0]!.evaluation.clean.correct } });
    for (const [k, point] of points.entries()) {
      expect(point.a).toEqual(accuracyOf(runs[0]!.evaluation.worst[k]!.correct, 60));
      expect(point.b).toEqual(accuracyOf(runs[1]!.evaluation.worst[k]!.correct, 60));
      // One step is not stronger than forty, but for a sample or two.
      expect(point.onlyB).toBeLessThanOrEqual(2);
    }
  });
});
