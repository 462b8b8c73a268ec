import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpz, writeNpz } from "../src/datasets/npz.ts";
import type { Evaluation, SampleRecord } from "../src/evaluate.ts";
import { Attributes } from "../src/onnx/attributes.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { samplesIn } from "../src/report/files/samples.node.ts";
import { evaluationSchema } from "../src/report/files/schema.ts";
import { tensor } from "../src/tensor.ts";
import { listing, type Outcome, perturb, scratch } from "./support/cli.ts";
import { dense, floats, graphOf } from "./support/models.ts";
import { withoutSeconds } from "./support/report.ts";
import { parseXml } from "./support/xml.ts";

const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const lenet = ["--model", LENET, "--arch", "lenet"];

const space = scratch();
afterAll(space.remove);
const inside = (...path: string[]) => join(space.path, ...path);
const textOf = (...path: string[]) => readFileSync(inside(...path), "utf8");
const at = (...args: string[]) => perturb([...args, "--quiet"], space.path);

/** A report without times. */
const timeless = (json: string) => json.replaceAll(/("(?:date|seconds|samplesPerSecond)": )[^,\n]+/g, "$1null");

/** Evaluates the fixture LeNet, without a report. */
async function measured(...args: string[]): Promise<Evaluation & { readonly stderr: string }> {
  const outcome = await at("evaluate", ...lenet, "--limit", "20", "--eps", "0.1,0.2", ...args, "--json", "-");
  expect(outcome).toMatchObject({ code: 0 });
  return { ...evaluationSchema.parse(JSON.parse(outcome.stdout)), stderr: outcome.stderr };
}

async function records(folder: string): Promise<SampleRecord[]> {
  const rows: SampleRecord[] = [];
  for await (const record of samplesIn(inside(folder, "samples.csv"))) rows.push(record);
  return rows;
}

const PGD = ["--attack", "pgd", "--set", "pgd.steps=5"];
const THREE = ["evaluate", ...lenet].concat(
  "--attack fgsm,pgd,square --set pgd.steps=5 --set queries=50 --eps 0.1,0.2 --limit 20".split(" "),
);

describe("several attacks", () => {
  let outcome: Outcome;
  let evaluation: Evaluation;
  beforeAll(async () => {
    // FGSM alone leaves 45 %.
    outcome = await at(...THREE, "--out", "three", "--junit", "three.xml", "--fail-under", "40%@0.2");
    evaluation = evaluationSchema.parse(JSON.parse(textOf("three", "report.json")));
  });
  const fooledAt = (rows: readonly SampleRecord[], epsilon: number) =>
    rows.filter((row) => row.outcome === "fooled" && row.epsilon! <= epsilon).length;

  it("end with 1 where robust accuracy is under --fail-under, also when it is not after the first attack", () => {
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain("perturb: robust accuracy 0.35 at ε = 0.2 is under 0.4.\n");
    expect(evaluation.points[1]).toMatchObject({ attack: "fgsm", epsilon: 0.2, accuracy: 0.45 });
    expect(evaluation.worst[1]).toMatchObject({ epsilon: 0.2, accuracy: 0.35, errors: 0 });
  });

  it("are told alike by points, worst, attacks and samples.csv", async () => {
    const { clean, worst, points, attacks, options } = evaluation;
    const rows = await records("three");
    expect(rows.map(({ index }) => index)).toEqual([...Array(20).keys()]);
    expect(rows.filter(({ prediction, label }) => prediction === label)).toHaveLength(clean.correct);
    expect(options.settings).toEqual(expect.arrayContaining(["pgd.steps=5", "square.queries=50"]));
    expect(points.map(({ attack }) => attack)).toEqual(["fgsm", "fgsm", "pgd", "pgd", "square", "square"]);
    for (const [k, { epsilon, correct }] of worst.entries()) {
      expect(correct).toBe(clean.correct - fooledAt(rows, epsilon));
      const [fgsm, pgd, square] = [points[k]!, points[2 + k]!, points[4 + k]!];
      expect([square.correct, square.fooled]).toEqual([correct, fooledAt(rows, epsilon)]);
      expect(pgd.correct).toBeGreaterThanOrEqual(square.correct);
      expect(fgsm.correct).toBeGreaterThanOrEqual(pgd.correct);
      for (const { attacked, largestDistance } of [fgsm, pgd, square]) {
        expect(attacked).toBe(clean.correct);
        expect(largestDistance).toBeLessThanOrEqual(Math.fround(epsilon) * (1 + 1e-6));
      }
    }
    for (const [e, { attack, of, attacked, fooled }] of attacks.entries()) {
      expect(of).toBe(attack);
      const own = rows.filter((row) => row.attack === attack);
      expect(fooled).toEqual([0.1, 0.2].map((epsilon) => own.filter((row) => row.epsilon === epsilon).length));
      // Only what is fooled at the least ε is spared later attacks.
      const done = attacks.slice(0, e).reduce((sum, before) => sum + before.fooled[0]!, 0);
      expect(attacked).toBe(clean.correct - done);
    }
    const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
    expect(sum(rows.map(({ queries }) => queries))).toBe(sum(attacks.map((a) => a.forwards + a.gradients)));
    for (const row of rows.filter(({ outcome: o }) => o === "fooled")) {
      expect(row.linf).toBeLessThanOrEqual(Math.fround(row.epsilon!) * (1 + 1e-6));
      expect(row.adversarialPrediction).not.toBe(row.label);
    }
  });

  it("leave to the first attack the counts that it has alone", async () => {
    const alone = await measured("--attack", "fgsm");
    expect(evaluation.points.slice(0, 2)).toEqual(alone.points);
  });

  it("give the same when they run again, and with other batches", async () => {
    await at(...THREE, "--out", "again", "--fail-under", "40%@0.2");
    expect(timeless(textOf("again", "report.json"))).toBe(timeless(textOf("three", "report.json")));
    expect(await at(...THREE, "--out", "seven", "--batch", "7", "--fail-under", "40%@0.2")).toMatchObject({ code: 1 });
    // Sums in float32 may come out otherwise in their last digits, which the means over samples show.
    const [three, seven] = ["three", "seven"].map((folder) =>
      timeless(textOf(folder, "report.json"))
        .replace(/"batch": \d+/, "")
        .replaceAll(/(\.\d{6})\d+/g, "$1"),
    );
    expect(seven).toBe(three);
    const [some, same] = ["seven", "three"].map((folder) => withoutSeconds(textOf(folder, "samples.csv")));
    expect(some).toBe(same);
  });

  it("are in the JUnit file, with the failure", () => {
    const suite = parseXml(textOf("three.xml")).children[0]!;
    expect(suite.attributes).toMatchObject({ tests: "3", failures: "1" });
    const failures = suite.children.flatMap(({ children }) => children.filter(({ name }) => name === "failure"));
    expect(failures.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^robust accuracy 35\.00% is under 40\.00% at ε = 0\.2; \w+ fooled most/),
    ]);
  });

  it("are in the JUnit file of a finished run too, which keeps its gate", async () => {
    expect(await at("evaluate", "--resume", "three", "--junit", "later.xml")).toMatchObject({ code: 1 });
    expect(parseXml(textOf("later.xml")).children[0]!.attributes).toMatchObject({ tests: "3", failures: "1" });
  });

  it("can be compared with one of them", async () => {
    await at("evaluate", ...lenet, ...PGD, "--eps", "0.1,0.2", "--limit", "20", "--out", "pgd");
    const table = await at("compare", "three", "pgd");
    expect(table.code).toBe(0);
    expect(table.stdout).toMatch(/^A: three \(lenet_zip\.pth, fgsm, pgd, square\)\nB: pgd \(lenet_zip\.pth, pgd\)\n/);
    expect(table.stderr).toContain("warning: The runs differ in attacks");
    const comparison = JSON.parse((await at("compare", "three", "pgd", "--json", "-")).stdout);
    const [a, b] = [await records("three"), await records("pgd")];
    const counted = (rows: readonly SampleRecord[], epsilon: number) =>
      rows.map((row) => row.outcome === "not-fooled" || (row.outcome === "fooled" && row.epsilon! > epsilon));
    for (const point of comparison.points) {
      const [inA, inB] = [counted(a, point.epsilon), counted(b, point.epsilon)];
      expect(point).toMatchObject({
        both: inA.filter((s, i) => s && inB[i]).length,
        onlyA: inA.filter((s, i) => s && !inB[i]).length,
        onlyB: inA.filter((s, i) => !s && inB[i]).length,
      });
      expect(point.onlyA).toBe(0);
    }
  });
});

describe("an attack", () => {
  it("runs with its members, who are told apart", async () => {
    const quick = ["--attack", "autoattack", "--limit", "2", "--eps", "0.1", "--max-queries", "60", "--json", "-"];
    const { code, stdout } = await at("evaluate", "--model", "conv-mnist-robust", ...quick);
    expect(code).toBe(0);
    const { attacks, points, worst, clean } = evaluationSchema.parse(JSON.parse(stdout));
    expect(attacks.map(({ attack, of }) => `${of}: ${attack}`)).toEqual(
      ["apgd-ce", "apgd-t", "fab-t", "square"].map((member) => `autoattack: ${member}`),
    );
    expect(attacks.map(({ attacked }) => attacked)).toEqual([2, 2, 2, 2]);
    expect([clean.correct, points.length, points[0]!.correct, worst[0]!.correct]).toEqual([2, 1, 2, 2]);
  });

  it("asks no more than --max-queries", async () => {
    const { attacks } = await measured("--attack", "pgd,square,fmn", "--max-queries", "20");
    for (const { attacked, forwards, gradients } of attacks) {
      expect(forwards + gradients).toBeLessThanOrEqual(20 * attacked);
      expect(forwards + gradients).toBeGreaterThan(5 * attacked);
    }
  });

  it("works on the surrogate, and is refused without one", async () => {
    const transfer = await measured("--attack", "transfer", "--surrogate", "lenet-mnist");
    expect(transfer.options.surrogate).toBe("lenet-mnist");
    expect(transfer.attacks[0]).toMatchObject({ forwards: 0, gradients: 0 });
    expect(transfer.worst[1]!.correct).toBeLessThan(transfer.clean.correct);
    await refuses(["--attack", "transfer"], /transfer works on another model\. Give that model \(--surrogate\)/);
  });

  it("learns one perturbation from examples, and asks nothing about the samples", async () => {
    const { attacks, points } = await measured("--attack", "universal", "--set", "universal.steps=20");
    expect(attacks[0]).toMatchObject({ attack: "universal", attacked: 20, forwards: 0, gradients: 0 });
    expect(points[1]!.fooled).toBeGreaterThan(0);
  });

  it("averages over --eot draws, which changes nothing where there is one answer", async () => {
    const [one, three] = [await measured(...PGD), await measured(...PGD, "--eot", "3")];
    expect(three.options.eot).toBe(3);
    expect(three.worst).toEqual(one.worst);
    expect(three.attacks[0]!.gradients).toBeGreaterThan(2 * one.attacks[0]!.gradients);
  });

  it("on the grid of 8 bits writes pictures that all last", async () => {
    const args = ["attack", ...lenet, ...PGD, "--eps", "0.1,0.2", "--limit", "20", "--levels", "256"];
    const { code, stdout } = await at(...args, "--png", "--out", "grid");
    expect(code).toBe(0);
    const lines = [...stdout.matchAll(/^(0\.\d) +(\d+) +(\d+) +(\d+) of (\d+)$/gm)];
    expect(lines).toHaveLength(2);
    const { worst } = await measured(...PGD, "--levels", "256");
    for (const [k, [, epsilon, right, fooled, lasted, of]] of lines.entries()) {
      expect([Number(right), Number(fooled)]).toEqual([worst[k]!.correct, 20 - worst[k]!.correct]);
      expect([lasted, of]).toEqual([fooled, fooled]);
      const pictures = listing(inside("grid", `eps-${epsilon}`)).filter((name) => name.endsWith(".png"));
      expect(pictures).toHaveLength(Number(fooled));
    }
    const arrays = readNpz(new Uint8Array(readFileSync(inside("grid", "adversarial.npz"))), "adversarial.npz");
    for (const v of arrays.get("x_adv")!.data as Float32Array) expect(Math.fround(Math.round(255 * v) / 255)).toBe(v);
  });

  it("leaves samples of the target class alone", async () => {
    await at("evaluate", ...lenet, ...PGD, "--eps", "0.2", "--limit", "20", "--target", "7", "--out", "target");
    const rows = await records("target");
    const of7 = rows.filter(({ label }) => label === 7);
    expect(of7.length).toBeGreaterThan(0);
    for (const row of of7) expect(row).toMatchObject({ outcome: "skipped", queries: 0, prediction: 7 });
    for (const { outcome, adversarialPrediction } of rows)
      if (outcome === "fooled") expect(adversarialPrediction).toBe(7);
    const { points, clean } = evaluationSchema.parse(JSON.parse(textOf("target", "report.json")));
    expect(points[0]!.attacked).toBe(clean.correct - of7.length);
  });

  it("is held against certificates", async () => {
    writeFileSync(inside("radii.csv"), `index,radius\n${[...Array(20).keys()].map((i) => `${i},0.5`).join("\n")}\n`);
    const { warnings, worst, stderr } = await measured(...PGD, "--certified", "radii.csv");
    const { message } = warnings.find(({ code }) => code === "certified-fooled")!;
    expect(message).toMatch(
      new RegExp(`^${20 - worst[1]!.correct} samples were fooled inside .* certified up to 0\\.5\\.`),
    );
    expect(stderr).toContain(`warning: ${message}\n`);
  });
});

/** Ends with 2, one error on stderr, nothing on stdout, nothing written. */
async function refuses(args: readonly string[], message: RegExp, model: readonly string[] = lenet): Promise<void> {
  const cwd = join(space.path, `cwd-${listing(space.path).length}`);
  mkdirSync(cwd);
  const outcome = await perturb(["evaluate", ...model, "--limit", "10", "--quiet", ...args], cwd);
  expect(outcome).toMatchObject({ code: 2, stdout: "" });
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).toMatch(/^perturb: .*\n$/);
  expect(listing(cwd)).toEqual([]);
}

describe("what cannot be", () => {
  it.each<[string[], RegExp]>([
    [["--attack", "fgsm,ddn", "--norm", "l0"], /fgsm has no l0 version\. It knows linf, l2/],
    [["--attack", "square", "--norm", "spatial"], /square has no spatial version/],
    [["--attack", "pgd", "--target", "10"], /classes 0 to 9/],
    [["--attack", "pgdd"], /no attack named "pgdd".*Did you mean/],
    [["--set", "fgsm.steps=3"], /option "fgsm\.steps"/],
    [["--certified", "nowhere.csv"], /nowhere\.csv/],
    [["--certified", LENET], /lenet_zip\.pth, line 1, is not INDEX,RADIUS/],
    [["--junit", "nowhere/j.xml"], /no folder/],
    [["--json", "-", "--junit", "-"], /cannot share stdout/],
    [["--attack", "transfer", "--surrogate", "nothing.onnx"], /nothing\.onnx/],
    [["--levels", "1"], /at least 2/],
    [["--max-queries", "0"], /at least 1/],
  ])("is refused: %j", (args, message) => refuses(args, message));
});

describe("a model of decision trees", () => {
  const trees = ["--model", inside("trees.onnx"), "--data", inside("corners.npz")];
  beforeAll(() => {
    // One tree of one question: is the first pixel above a half?
    const forest = graphOf([1, 4, 4], (b, x) => {
      const [scores, label] = ["scores", "label"];
      const attributes = Attributes.from({
        classlabels_int64s: [0, 1],
        class_ids: [0, 1, 0, 1],
        class_nodeids: [1, 1, 2, 2],
        class_treeids: [0, 0, 0, 0],
        class_weights: { floats: [1, 0, 0, 1] },
        nodes_falsenodeids: [2, 0, 0],
        nodes_featureids: [0, 0, 0],
        nodes_modes: { strings: ["BRANCH_LEQ", "LEAF", "LEAF"] },
        nodes_nodeids: [0, 1, 2],
        nodes_treeids: [0, 0, 0],
        nodes_truenodeids: [1, 0, 0],
        nodes_values: { floats: [0.5, 0, 0] },
      });
      const flat = b.add("Flatten", [x], { axis: 1 });
      const [op, domain] = ["TreeEnsembleClassifier", "ai.onnx.ml"];
      b.append({ op, domain, name: "forest", inputs: [flat], outputs: [label, scores], attributes });
      return scores;
    });
    const opsets = new Map([...forest.opsets, ["ai.onnx.ml", 3]]);
    writeFileSync(inside("trees.onnx"), writeOnnx({ ...forest, opsets }));
    const x = floats(
      [4, 1, 4, 4],
      Array.from({ length: 64 }, (_, i) => (i % 32 === 0 ? 0.4 : 0.6)),
    );
    const y = tensor("int32", [4], Int32Array.of(0, 1, 0, 1));
    writeFileSync(inside("corners.npz"), writeNpz({ x, y }));
  });

  it("is refused to attacks that need gradients, with those that work", async () => {
    // This tree gives 0 and 1 only: labels, for which decisions are enough.
    const works = /pgd, autoattack need gradients\. These attacks work without gradients in linf: hopskipjump\./;
    await refuses(["--attack", "square,pgd,autoattack"], works, trees);
  });

  it("is attacked by the others", async () => {
    const args = ["--attack", "square", "--set", "queries=100", "--eps", "0.05,0.15", "--json", "-"];
    const { code, stdout } = await at("evaluate", ...trees, ...args);
    expect(code).toBe(0);
    const { clean, worst } = evaluationSchema.parse(JSON.parse(stdout));
    expect([clean, ...worst].map(({ correct }) => correct)).toEqual([4, 4, 0]);
  });
});

it("an answer of NaN is an error, and neither correct nor fooled", async () => {
  // Class 1 where the sum is above one; NaN where the first value is above .9.
  const model = graphOf([2], (b, x) => {
    const first = b.slice(x, [1], [0], [1]);
    const nothing = b.mul(b.add("Sqrt", [b.sub(b.scalar(0.9, x), first)]), b.scalar(0, x));
    return b.plus(dense(b, x, Float32Array.of(0, 4, 0, 4), [0, -4]), nothing);
  });
  writeFileSync(inside("nan.onnx"), writeOnnx(model));
  const x = floats([5, 2], [0.2, 0.2, 0.95, 0.9, 0.85, 0.02, 0.4, 0.55, 0.1, 0.1]);
  writeFileSync(inside("nan.npz"), writeNpz({ x, y: tensor("int32", [5], Int32Array.of(0, 1, 0, 0, 1)) }));
  const args = ["--data", "nan.npz", "--attack", "fgsm", "--eps", "0.01,0.08", "--out", "nan"];
  const outcome = await at("evaluate", "--model", "nan.onnx", ...args);
  expect(outcome).toMatchObject({ code: 0 });
  const rows = await records("nan");
  expect(rows.map(({ outcome: o, prediction }) => [o, prediction])).toEqual([
    ["not-fooled", 0],
    ["error", -1],
    ["error", 0],
    ["fooled", 0],
    ["misclassified", 0],
  ]);
  const { clean, worst, warnings } = evaluationSchema.parse(JSON.parse(textOf("nan", "report.json")));
  expect(clean.correct).toBe(3);
  expect(worst.map(({ correct, errors }) => [correct, errors])).toEqual([
    [3, 1],
    [1, 2],
  ]);
  expect(warnings.find(({ code }) => code === "nan-logits")!.message).toMatch(/^2 answers of the model held NaN/);
});
