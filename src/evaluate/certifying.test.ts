import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { run } from "../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers, smallNetwork } from "../../test/support/models.ts";
import { predict } from "../attack.ts";
import { pgd } from "../attacks/gradient/pgd.ts";
import { classifierFile } from "../models/classifier/classifier.ts";
import { openClassifier } from "../models/classifier/graph-model.ts";
import { normFor } from "../norm.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor } from "../tensor.ts";
import { certificates } from "./checks/certified.ts";
import { evaluateBatch } from "./course/batch.ts";
import { planOf } from "./course/plan.ts";
import { openEvaluation } from "./evaluation.ts";
import { folderState } from "./state/folder.node.ts";

const CLASSES = 4;
const INPUTS = 12;
const SAMPLES = 24;
const EPSILONS = [0.002, 0.01, 0.05, 0.2];
const file = classifierFile(smallNetwork([INPUTS], CLASSES), { name: "small" });
const x = floats([SAMPLES, INPUTS], numbers(SAMPLES * INPUTS, 5, 0, 1));
const runtime = nodeRuntime("cpu", 1);
const model = openClassifier(file, runtime);
/** As the model has them, but for two. */
const labels = Array.from(predict(await model.logits(x)), (label, i) => (i < 2 ? (label + 1) % CLASSES : label));
const data = arrayDataset(x, labels, CLASSES);
const attacks = [pgd.with({ steps: 10 })];
const certify = { digits: 2 };
const folder = mkdtempSync(join(tmpdir(), "perturb-certify-"));
afterAll(async () => {
  await model.release();
  rmSync(folder, { recursive: true });
});

describe("an evaluation that certifies", async () => {
  const result = await run(file, data, { attacks, epsilons: EPSILONS, certify });
  const { worst, points, clean, certified } = result.evaluation;
  const plain = await run(file, data, { attacks, epsilons: EPSILONS });

  it("counts certified ≤ attacked, and the attacks as without", () => {
    const proven = worst.map((point) => point.certified!.correct);
    expect(proven).toEqual(proven.toSorted((a, b) => b - a));
    // Both something, and not the same.
    expect(proven[0]).toBeGreaterThan(proven.at(-1)!);
    for (const [k, { correct }] of worst.entries()) expect(proven[k]).toBeLessThanOrEqual(correct);
    expect(points.map((point) => point.certified)).toEqual(worst.map((point) => point.certified));
    const counts = ({ evaluation }: typeof result) => evaluation.points.map(({ correct, fooled }) => [correct, fooled]);
    expect(counts(result)).toEqual(counts(plain));
    expect(worst[0]!.certified).toMatchObject({ total: SAMPLES, accuracy: proven[0]! / SAMPLES });
  });

  it("says of how many samples bounds know better than the attacks", () => {
    const known = result.records!.filter(({ attack }) => attack === "alpha-crown");
    const warning = result.evaluation.warnings.find(({ code }) => code === "attacks-missed");
    expect(known.length).toBeGreaterThan(0);
    expect(warning?.message).toContain(`for ${known.length} samples`);
    // They count as fooled, by an input that was judged.
    expect(certified!.methods.at(-1)!.fooled).toBe(known.length);
    for (const { outcome, epsilon, linf, openReason, adversarialPrediction, label } of known) {
      expect([outcome, EPSILONS.includes(epsilon!), openReason]).toEqual(["fooled", true, null]);
      expect(linf! / epsilon!).toBeLessThan(1 + 1e-6);
      expect(adversarialPrediction).not.toBe(label);
    }
    for (const [k, epsilon] of EPSILONS.entries()) {
      const more = known.filter((record) => record.epsilon! <= epsilon).length;
      expect(worst[k]!.correct).toBe(plain.evaluation.worst[k]!.correct - more);
    }
  });

  it("gives each sample its largest certified ε, or why it has none", () => {
    const records = result.records!;
    for (const record of records) {
      const { certifiedEpsilon, certifiedBy, openReason, outcome, epsilon } = record;
      if (outcome === "misclassified") expect([certifiedEpsilon, certifiedBy, openReason]).toEqual([null, null, null]);
      if (epsilon !== null) expect(certifiedEpsilon ?? 0).toBeLessThan(epsilon);
      const open = EPSILONS.filter(
        (one) => one > (certifiedEpsilon ?? 0) && one < (epsilon ?? Number.POSITIVE_INFINITY),
      );
      if (outcome !== "misclassified") expect(openReason === null).toBe(open.length === 0);
      if (outcome === "not-fooled" && (certifiedEpsilon ?? 0) < EPSILONS.at(-1)!)
        expect(openReason).toMatch(
          /^alpha-crown bounds the margin to class \d by -.*; CROWN's bound loses \d+ % to (the linear part|Relu .*), \d+ % to /,
        );
    }
    const radii = records.map(({ certifiedEpsilon }) => certifiedEpsilon ?? 0);
    expect(EPSILONS.map((epsilon) => radii.filter((radius) => radius >= epsilon).length)).toEqual(
      worst.map((point) => point.certified!.correct),
    );
    expect(certified!.averageRadius).toBeCloseTo(radii.reduce((a, b) => a + b) / SAMPLES, 8);
    expect(certified!.methods.map(({ method }) => method)).toEqual(["ibp", "crown-ibp", "crown", "alpha-crown"]);
    expect(certified!.methods[0]!.tried).toBe(clean.correct);
  });

  it("says which layers take the margins of open samples", () => {
    const { losses } = certified!;
    expect(losses!.samples).toBe(result.records!.filter(({ openReason }) => openReason !== null).length);
    const { margin, linear, rounding, bound, layers } = losses!;
    expect(layers.map(({ op }) => op)).toEqual(["Relu"]);
    const lost = linear + rounding + layers.reduce((sum, { loss }) => sum + loss, 0);
    expect(margin - lost).toBeCloseTo(bound, 6);
    expect(Math.min(linear, rounding, ...layers.map(({ loss }) => loss))).toBeGreaterThan(0);
    expect(bound).toBeLessThan(0);
  });

  it("attacks nobody who is proven at every ε", async () => {
    const { records } = await run(file, data, { attacks, epsilons: EPSILONS.slice(0, 1), certify });
    const settled = records!.filter(({ certifiedBy, queries }) => certifiedBy !== null && queries === 0);
    expect(settled.length).toBeGreaterThan(0);
    for (const { certifiedEpsilon } of settled) expect(certifiedEpsilon).toBeGreaterThanOrEqual(EPSILONS[0]!);
  });

  it("does not depend on batches, and finds no counterexample by sampling", async () => {
    const small = await run(file, data, { attacks, epsilons: EPSILONS, certify, batch: 5 });
    const seen = ({ records }: typeof result) =>
      records!.map(({ certifiedEpsilon, certifiedBy }) => [certifiedEpsilon, certifiedBy]);
    expect(seen(small)).toEqual(seen(result));
    const norm = normFor("linf", [INPUTS]);
    for (const { index, certifiedEpsilon, label } of result.records!) {
      if (certifiedEpsilon == null) continue;
      const tries = 400;
      const own = x.data.subarray(index * INPUTS, (index + 1) * INPUTS);
      const corners = numbers(tries * INPUTS, index).map((v, i) => own[i % INPUTS]! + Math.sign(v) * certifiedEpsilon);
      for (let t = 0; t < tries; t++)
        norm.project(corners.subarray(t * INPUTS, (t + 1) * INPUTS), own, certifiedEpsilon, model.bounds);
      const found = predict(await model.logits(floats([tries, INPUTS], corners)));
      expect([...new Set(found)]).toEqual([label]);
    }
  });

  it("can look for no largest ε", async () => {
    const { evaluation, records } = await run(file, data, {
      attacks,
      epsilons: EPSILONS,
      certify: { largest: false },
    });
    expect(evaluation.certified).toMatchObject({ digits: null, averageRadius: null });
    expect(evaluation.worst.map((point) => point.certified)).toEqual(worst.map((point) => point.certified));
    for (const { certifiedEpsilon } of records!) expect([null, ...EPSILONS]).toContain(certifiedEpsilon);
  });

  it("is judged by its certified accuracy where that is asked for", async () => {
    const { accuracy } = worst[1]!.certified!;
    const gates = [
      { epsilon: EPSILONS[1]!, atLeast: accuracy, certified: true as const },
      { epsilon: EPSILONS[1]!, atLeast: accuracy + 0.01, certified: true as const },
    ];
    const { evaluation } = await run(file, data, { attacks, epsilons: EPSILONS, certify, gates });
    expect(evaluation.gates.map(({ met, certified: of }) => [met, of])).toEqual([
      [true, true],
      [false, true],
    ]);
  });

  it("goes on where it stopped", async () => {
    const options = { attacks, epsilons: EPSILONS, certify, followUp: false, batch: 5 };
    const first = await openEvaluation(model, data, { ...options, state: folderState(folder) });
    let done = 0;
    for await (const progress of first) {
      done = progress.done;
      if (done >= 10) break;
    }
    await first.close();
    const second = await openEvaluation(model, data, { ...options, state: folderState(folder, { resume: true }) });
    const resumed = await second.finish();
    expect([done, second.resumed]).toEqual([10, 10]);
    await second.close();
    expect(resumed.evaluation.worst).toEqual(worst);
    expect(resumed.evaluation.certified!.losses!.margin).toBeCloseTo(certified!.losses!.margin, 6);
    const unclocked = ({ records }: typeof result) => records!.map((record) => ({ ...record, seconds: 0 }));
    expect(unclocked(resumed)).toEqual(unclocked(result));
  });

  it("says loudly where an attack succeeds inside a proof, and counts no such proof", async () => {
    // At 0.1 it says of everyone that they are proven, so that attacks still try for the sake of 0.2.
    const liar = { name: "liar", isCheap: true, isSearched: true, decide: lyingBelow(0.1) };
    const losses = async () => ({ layers: [], samples: [] });
    const prover = { methods: [liar], widest: 1, losses, release: async () => undefined };
    const plan = { ...planOf({ attacks, epsilons: [0.1, 0.2] }, model), certify: { digits: null, splits: 0 } };
    for await (const batch of data.batches({ batch: SAMPLES })) {
      const tally = await evaluateBatch(model, batch, plan, { prover });
      const fooled = tally.records.filter(({ epsilon }) => epsilon === 0.1).length;
      expect(fooled).toBeGreaterThan(0);
      const correct = tally.records.filter(({ outcome }) => outcome !== "misclassified").length;
      expect(tally.certified!.proven[0]).toBe(correct - fooled);
      const heard = certificates(new Map(), "linf");
      heard.hear(tally.records);
      const [warning] = heard.warnings();
      expect(warning!.code).toBe("proof-contradicted");
      expect(warning!.message).toMatch(new RegExp(`^${fooled} samples were fooled inside .* certified up to 0.1`));
    }
  });
});

const lyingBelow =
  (most: number) =>
  async ({ epsilons }: { readonly epsilons: readonly number[] }) =>
    epsilons.map((epsilon) =>
      epsilon <= most
        ? ({ kind: "proven", margin: 1 } as const)
        : ({ kind: "open", margin: -1, reason: "honest" } as const),
    );

describe("what cannot be certified is refused before anything runs", () => {
  const refusal = (options: Parameters<typeof run>[2], given = file) =>
    run(given, data, { attacks, epsilons: EPSILONS, certify: true, ...options });

  it.each([
    ["parts of what is no box", { norm: "l2", certify: { splits: 5 } }, "Leave out `splits`"],
    ["a target", { target: 1 }, "Leave out `target: 1`"],
    ["another device", { runtime: { ...runtime, device: "cuda" as const } }, "not for cuda"],
    ["too many digits", { certify: { digits: 8 } }, "from 1 to 7"],
  ] as const)("%s", async (_, options, message) => {
    await expect(refusal(options)).rejects.toThrow(message);
  });

  it("operators without bounds, by name", async () => {
    const odd = classifierFile(
      graphOf([INPUTS], (b, v) =>
        b.add("TopK", [v, b.constant(tensor("int64", [1], BigInt64Array.of(BigInt(CLASSES))))], { axis: 1 }),
      ),
      { name: "odd" },
    );
    await expect(refusal({}, odd)).rejects.toThrow("TopK");
  });

  it("float16", async () => {
    const half = classifierFile(
      graphOf([INPUTS], (b, v) => b.cast(b.slice(b.cast(v, "float16"), [1], [0], [CLASSES]), "float32")),
      { name: "half" },
    );
    await expect(refusal({}, half)).rejects.toThrow("float16");
  });
});
