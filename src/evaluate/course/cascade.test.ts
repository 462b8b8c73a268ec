import { beforeAll, describe, expect, it } from "vitest";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, dense, floats, graphOf, lenetFile } from "../../../test/support/models.ts";
import { uniformNoise } from "../../attacks/baselines/uniform-noise.ts";
import { autoAttack } from "../../attacks/ensembles/auto-attack.ts";
import { bim } from "../../attacks/gradient/bim.ts";
import { fgsm } from "../../attacks/gradient/fgsm.ts";
import { ddn } from "../../attacks/least-change/ddn.ts";
import { square } from "../../attacks/scores/square.ts";
import type { Dataset } from "../../dataset.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { onGrid } from "../../grid.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import type { EvaluateOptions } from "../evaluation.ts";

const lenet = lenetFile();
let mnist: Dataset;
beforeAll(async () => {
  mnist = await openDataset("mnist");
});

const epsilons = [0.05, 0.1, 0.2];
async function evaluated(given: Partial<EvaluateOptions>, data = mnist, file = lenet) {
  const records: SampleRecord[] = [];
  const result = await run(file, data, {
    limit: 60,
    epsilons,
    ...given,
    onRecords: (more) => void records.push(...more),
  });
  return { ...result, records };
}
/** Without what depends on the clock. */
const timeless = (records: readonly SampleRecord[]) => records.map((record) => ({ ...record, seconds: 0 }));
const lightBim = bim.with({ steps: 5 });
const lightSquare = square.with({ queries: 60 });

describe("several attacks", () => {
  it("each meets what the others before it left, at the ε that are still open", async () => {
    const { evaluation, records } = await evaluated({ attacks: [fgsm, lightBim, lightSquare] });
    const { attacks, worst, points, clean } = evaluation;
    expect(attacks.map(({ attack, of }) => [attack, of])).toEqual([
      ["fgsm", "fgsm"],
      ["bim", "bim"],
      ["square", "square"],
    ]);
    const [first, second, third] = attacks;
    expect(first!.attacked).toBe(clean.correct);
    // A sample fooled at the least ε is not attacked again.
    expect(second!.attacked).toBe(clean.correct - first!.fooled[0]!);
    expect(third!.attacked).toBe(second!.attacked - second!.fooled[0]!);
    for (const [k, { correct }] of worst.entries()) {
      const fooled = records.filter(({ outcome, epsilon }) => outcome === "fooled" && epsilon! <= epsilons[k]!).length;
      expect(correct).toBe(clean.correct - fooled);
      for (const name of ["fgsm", "bim", "square"])
        expect(correct).toBeLessThanOrEqual(
          points.find((p) => p.attack === name && p.epsilon === epsilons[k])!.correct,
        );
      expect(points.find((p) => p.attack === "square" && p.epsilon === epsilons[k])!.correct).toBe(correct);
    }
    expect(worst.map((w) => w.correct)).toEqual(worst.map((w) => w.correct).toSorted((a, b) => b - a));
  });

  it("says of each sample what fooled it, and how far away", async () => {
    const { evaluation, records } = await evaluated({ attacks: [fgsm, lightBim] });
    expect(records.map(({ index }) => index)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    for (const { attack, fooled } of evaluation.attacks)
      for (const [k, count] of fooled.entries())
        expect(records.filter((r) => r.attack === attack && r.epsilon === epsilons[k])).toHaveLength(count);
    for (const r of records) {
      if (r.outcome !== "fooled") {
        expect([r.epsilon, r.attack, r.adversarialPrediction, r.linf, r.l0]).toEqual([null, null, null, null, null]);
        continue;
      }
      expect(r.margin).toBeGreaterThan(0);
      expect(r.adversarialPrediction).not.toBe(r.label);
      expect(r.linf!).toBeLessThanOrEqual(r.epsilon! + 2 ** -24);
      expect(r.l2!).toBeGreaterThanOrEqual(r.linf!);
      expect(r.l1!).toBeGreaterThanOrEqual(r.l2!);
      expect(r.l0!).toBeGreaterThanOrEqual(1);
    }
    const { forwards, gradients } = evaluation.cost;
    const total = (of: (r: SampleRecord) => number) => records.reduce((sum, r) => sum + of(r), 0);
    expect(total((r) => r.gradients)).toBe(gradients);
    // The linear view is measured beside the attacks.
    expect(forwards - total((r) => r.forwards)).toBe((evaluation.linearity?.samples ?? 0) * (3 + 2 * 6));
    expect(total((r) => r.queries)).toBe(evaluation.attacks.reduce((sum, a) => sum + a.forwards + a.gradients, 0));
  });

  it("gives the same, whatever the batch and the cut into shards", async () => {
    const given = { attacks: [uniformNoise, lightBim, lightSquare] };
    const whole = await evaluated({ ...given, batch: 60 });
    const small = await evaluated({ ...given, batch: 7 });
    const shards = [
      await evaluated({ ...given, limit: 23 }),
      await evaluated({ ...given, offset: 23, limit: 37, batch: 11 }),
    ];
    expect(timeless(small.records)).toEqual(timeless(whole.records));
    expect(timeless(shards.flatMap(({ records }) => records))).toEqual(timeless(whole.records));
    const counts = ({ evaluation }: typeof whole) => evaluation.worst.map(({ correct }) => correct);
    expect(counts(small)).toEqual(counts(whole));
    expect(epsilons.map((_, k) => counts(shards[0]!)[k]! + counts(shards[1]!)[k]!)).toEqual(counts(whole));
    expect(small.evaluation.points).toEqual(whole.evaluation.points);
  });

  it("an ensemble is told by its members, and has points of its own", async () => {
    const { evaluation, records } = await evaluated({ attacks: [fgsm, autoAttack], limit: 12, epsilons: [0.1] });
    expect(evaluation.options.attacks).toEqual(["fgsm", "autoattack"]);
    expect(evaluation.points.map(({ attack }) => attack)).toEqual(["fgsm", "autoattack"]);
    expect(evaluation.attacks.map(({ attack, of }) => `${of}/${attack}`)).toEqual([
      "fgsm/fgsm",
      "autoattack/apgd-ce",
      "autoattack/apgd-t",
      "autoattack/fab-t",
      "autoattack/square",
    ]);
    expect(evaluation.options.settings).toContain("square.rescale=false");
    expect(records.every(({ attack }) => attack !== "autoattack")).toBe(true);
    expect(evaluation.worst[0]!.correct).toBe(evaluation.points[1]!.correct);
  });
});

describe("one attack", () => {
  it("FGSM counts at each ε by itself; robust accuracy only falls", async () => {
    // z1 - z0 = 0.3 - 2·|x - 0.7|: from 0.5 a step of 0.1 crosses the boundary, and one of 0.4 crosses back.
    const graph = graphOf([1], (b, x) => {
      const away = b.add("Abs", [b.sub(x, b.scalar(0.7, x))]);
      return dense(b, away, Float32Array.of(0, -2), [0, 0.3]);
    });
    const data = arrayDataset(floats([2, 1], [0.5, 0.5]), [0, 0], 2);
    const file = classifierFile(graph, { name: "bump" });
    const { evaluation, records } = await evaluated({ epsilons: [0.01, 0.1, 0.4], limit: 2 }, data, file);
    expect(evaluation.points.map((p) => p.correct)).toEqual([2, 0, 2]);
    expect(evaluation.worst.map((w) => w.correct)).toEqual([2, 0, 0]);
    expect(records.map(({ epsilon }) => epsilon)).toEqual([0.1, 0.1]);
    // A fooled sample stays fooled for an attack that comes after.
    const both = await evaluated({ attacks: [fgsm, uniformNoise], epsilons: [0.01, 0.1, 0.4], limit: 2 }, data, file);
    expect(both.evaluation.points.map((p) => p.correct)).toEqual([2, 0, 2, 2, 0, 0]);
  });

  it("of least change gives the distances beyond every ε", async () => {
    const { evaluation, records } = await evaluated({ attacks: [ddn], norm: "l2", epsilons: [0.5], limit: 40 });
    const [attack] = evaluation.attacks;
    const at = (q: number) => attack!.distances!.find(({ quantile }) => quantile === q)!.distance!;
    expect(at(0.5)).toBeGreaterThan(1);
    expect(at(0.5)).toBeLessThan(2.5);
    expect(at(0.05)).toBeLessThanOrEqual(at(0.95));
    expect(records.filter(({ outcome }) => outcome === "fooled")).toHaveLength(attack!.fooled[0]!);
  });

  it("asks no more than it may", async () => {
    const { evaluation, records } = await evaluated({ attacks: [lightBim, lightSquare], maxQueries: 9 });
    expect(evaluation.options.maxQueries).toBe(9);
    expect(Math.max(...records.map(({ queries }) => queries))).toBe(18);
  });
});

describe("8-bit mode", () => {
  it.each(["linf", "l2"] as const)("gives images that a PNG can hold, inside the ball, %s", async (norm) => {
    const options = { attacks: [lightBim], norm, epsilons: norm === "l2" ? [1, 2] : [8 / 255, 0.15] };
    const { evaluation, pictures } = await evaluated({ ...options, levels: 256 });
    expect(evaluation.options.levels).toBe(256);
    const shown = pictures.flat();
    expect(shown.length).toBeGreaterThan(4);
    for (const { adversarial } of shown)
      expect(adversarial.every((v) => onGrid(v, { lower: 0, upper: 1 }, 256) === v)).toBe(true);
    for (const { largestDistance, epsilon } of evaluation.points)
      expect(largestDistance).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
    // The grid costs next to nothing.
    const free = await evaluated(options);
    for (const [k, { correct }] of evaluation.worst.entries())
      expect(correct - free.evaluation.worst[k]!.correct).toBeLessThanOrEqual(3);
  });
});

describe("a model that answers NaN under attack", () => {
  it("has errors, and no samples that are not fooled", async () => {
    // z0 = x + 0·√(x - 0.5): right at 0.55, NaN once the attack has gone below 0.5.
    const graph = graphOf([1], (b, x) => {
      const broken = b.mul(b.scalar(0, x), b.add("Sqrt", [b.sub(x, b.scalar(0.5, x))]));
      return b.plus(dense(b, x, Float32Array.of(1, 0), [0, 0.2]), broken);
    });
    const data = arrayDataset(floats([4, 1], [0.55, 0.55, 0.9, 0.9]), [0, 0, 0, 0], 2);
    const { evaluation, records } = await evaluated(
      { epsilons: [0.1], limit: 4 },
      data,
      classifierFile(graph, { name: "nan" }),
    );
    expect(records.map(({ outcome }) => outcome)).toEqual(["error", "error", "not-fooled", "not-fooled"]);
    expect(evaluation.worst[0]).toMatchObject({ correct: 2, errors: 2 });
  });
});
