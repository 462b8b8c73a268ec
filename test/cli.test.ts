import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attacks } from "../src/attacks/index.ts";
import { openDataset } from "../src/datasets/locate.node.ts";
import { readNpy, writeNpy } from "../src/datasets/npy.ts";
import { readNpz, writeNpz } from "../src/datasets/npz.ts";
import { evaluate } from "../src/evaluate/evaluation.ts";
import type { Evaluation } from "../src/evaluate.ts";
import { openModel } from "../src/models/open.node.ts";
import { evaluationSchema } from "../src/report/files/schema.ts";
import { REPORT_FILES } from "../src/report/files/write.node.ts";
import { nodeRuntime } from "../src/runtime/ort.node.ts";
import { listing, type Outcome, perturb, scratch, start, until } from "./support/cli.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const LENET = at("fixtures/pytorch/lenet_zip.pth");
const FIRST100 = at("fixtures/pytorch/first100.npz");
const SEED = at("../../shared/reference/seed/lenet_mnist_model.pth");
const lenet = ["--model", LENET, "--arch", "lenet"];
const EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

const space = scratch();
afterAll(space.remove);
let folders = 0;
/** A new folder to work in. */
function place(): string {
  const path = join(space.path, String(folders++));
  mkdirSync(path);
  return path;
}

interface AttackRow {
  readonly name: string;
  readonly title: string;
  readonly family: string;
  readonly options: readonly string[];
  readonly about: Readonly<Record<string, string>>;
  readonly paper: string;
}

const json = ({ stdout }: Outcome): Evaluation => JSON.parse(stdout);
const counts = ({ clean, points }: Evaluation) => [clean.correct, ...points.map((point) => point.correct)];

describe("evaluate", () => {
  it("runs the FGSM experiment when nothing is asked for", async () => {
    const cwd = place();
    const outcome = await perturb([], cwd);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toMatch(/^lenet-mnist on mnist, fgsm linf\n/);
    expect(outcome.stdout).toMatch(/ 10,000 .* 10,000 /s);
    const report: unknown = JSON.parse(readFileSync(join(cwd, "runs/lenet-mnist-mnist-fgsm-linf/report.json"), "utf8"));
    const { clean, options } = evaluationSchema.parse(report);
    expect(options).toMatchObject({ attacks: ["fgsm"], norm: "linf", epsilons: EPSILONS, target: null });
    expect(clean.accuracy).toBeGreaterThanOrEqual(0.988);
  });

  it("gives the counts of the library, as JSON on stdout alone, that fit the schema", async () => {
    const cwd = place();
    const outcome = await perturb([...lenet, "--limit", "500", "--json", "-"], cwd);
    expect(outcome).toMatchObject({ code: 0 });
    const evaluation = evaluationSchema.parse(json(outcome));

    const model = await openModel(LENET, { arch: "lenet" });
    const data = await openDataset("mnist");
    const inProcess = await evaluate(model, data, { attacks: [attacks.fgsm], epsilons: EPSILONS, limit: 500 });
    await model.release();
    expect(counts(evaluation)).toEqual(counts(inProcess.evaluation));
    expect(evaluation.clean.total).toBe(500);
    expect(evaluation.model).toEqual(inProcess.evaluation.model);
    expect(listing(cwd)).toEqual([]);
  });

  it("gives the counts of float64 on all of MNIST", async () => {
    const outcome = await perturb(["evaluate", ...lenet, "--data", "mnist", "--json", "-", "--quiet"], place());
    expect(outcome).toMatchObject({ code: 0, stderr: "" });
    // Computed with numpy in float64. From ε = .2 on the sign of some gradients is a matter of rounding: torch 1.13, in
    // float32, counts 4440, 2357 and 940.
    expect(counts(json(outcome))).toEqual([9742, 9257, 8207, 6538, 4439, 2356, 946]);
  });

  it.skipIf(!existsSync(SEED))("gives the seed's counts (skipped without ../shared)", async () => {
    const outcome = await perturb(
      ["evaluate", "--model", SEED, "--arch", "lenet", "--data", "mnist", "--json", "-"],
      place(),
    );
    expect(counts(json(outcome))).toEqual([9810, 9426, 8510, 6826, 4301, 2082, 869]);
  });

  it("gives the same counts for every batch size", async () => {
    const cwd = place();
    const run = (batch: number) => perturb([...lenet, "--limit", "200", "--batch", String(batch), "--json", "-"], cwd);
    const results: number[][] = [];
    for (const batch of [1, 7, 64, 1000]) results.push(counts(json(await run(batch))));
    expect(results).toEqual(results.map(() => results[0]));
  });

  it("writes a whole report, whose JSON is that of --json", async () => {
    const cwd = place();
    const outcome = await perturb([...lenet, "--limit", "100", "--out", "report", "--json", "result.json"], cwd);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stdout).toContain("Report: report/report.html");
    expect(listing(cwd)).toEqual(
      ["report", ...REPORT_FILES.map((file) => join("report", file)).sort(), "result.json"].sort(),
    );
    expect(readFileSync(join(cwd, "report/report.json"), "utf8")).toBe(readFileSync(join(cwd, "result.json"), "utf8"));
    const html = readFileSync(join(cwd, "report/report.html"), "utf8");
    expect(html).toContain("perturb --model");
    expect(html).toContain("--limit 100 --out report");
  });

  it("puts the report into runs/ by default, and replaces an old one", async () => {
    const cwd = place();
    for (let i = 0; i < 2; i++) {
      const outcome = await perturb([...lenet, "--limit", "20", "--eps", "8/255"], cwd);
      expect(outcome).toMatchObject({ code: 0 });
      expect(outcome.stderr).toContain("warning: Only 20 samples");
      expect(listing(cwd)).toHaveLength(2 + REPORT_FILES.length);
    }
    expect(listing(join(cwd, "runs"))[0]).toBe("lenet_zip-mnist-fgsm-linf");
  });

  it("writes no escape codes into pipes", async () => {
    const outcome = await perturb([...lenet, "--limit", "20", "--out", "report"], place(), {
      FORCE_COLOR: "",
      NO_COLOR: "1",
    });
    expect(outcome.code).toBe(0);
    expect(outcome.stdout + outcome.stderr).not.toContain("\u001b");
  });

  it("takes the step of a range for the fraction that it is", async () => {
    const range = ["--eps", "1/255:3/255:1/255", "--fail-under", "1%@2/255", "--json", "-"];
    const outcome = await perturb([...lenet, "--limit", "50", ...range], place());
    expect(outcome).toMatchObject({ code: 0 });
    expect(json(outcome).gates).toMatchObject([{ atLeast: 0.01, met: true }]);
  });

  it("ends with 1 under --fail-under, and still gives the result", async () => {
    const cwd = place();
    const outcome = await perturb(
      [...lenet, "--limit", "100", "--json", "-", "--quiet", "--fail-under", "99%@0.3"],
      cwd,
    );
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/^perturb: robust accuracy 0\.\d+ at ε = 0\.3 is under 0\.99\.\n$/);
    expect(counts(json(outcome))).toHaveLength(7);
    const { gates, worst } = json(outcome);
    expect(gates).toEqual([{ epsilon: 0.3, atLeast: 0.99, accuracy: worst.at(-1)!.accuracy, met: false }]);
  });

  it("finds the likely cause of accuracy at chance", async () => {
    const cwd = place();
    const arrays = readNpz(new Uint8Array(readFileSync(FIRST100)), "first100.npz");
    const y = arrays.get("y")!;
    const shifted = Int32Array.from(y.data as ArrayLike<number | bigint>, (label) => (Number(label) + 1) % 10);
    const data = { x: arrays.get("x")!, y: { type: "int32", dims: y.dims, data: shifted } } as const;
    writeFileSync(join(cwd, "shifted.npz"), writeNpz(data));
    const outcome = await perturb([...lenet, "--data", "shifted.npz", "--json", "-"], cwd);
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain("warning: Clean accuracy is");
    expect(outcome.stderr).toContain(
      "the classes are in another order than the model's (it sees label 0 as 9, label 1 as 0",
    );
  });

  it("ends with 2 where a device is missing, and does not fall back to another", async () => {
    // Its libraries are no part of the package: set-up does not download them.
    const cwd = place();
    const { code, stdout, stderr } = await perturb(["evaluate", "--device", "cuda", "--limit", "10"], cwd);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^perturb: The device "cuda" cannot be used here\. .*--device cpu.*\n$/);
    expect(listing(cwd)).toEqual([]);
  });

  it("goes on when nobody reads its output any more", async () => {
    const cwd = place();
    const { child, ended } = start([...lenet, "--limit", "20", "--out", "report"], cwd);
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 0 });
    expect(listing(join(cwd, "report"))).toHaveLength(REPORT_FILES.length);
  });
});

describe("an interrupt", () => {
  const long = [...lenet, "--eps", "0:0.9:0.01"];

  it("in mid-run ends with 130 and leaves nothing where there is no folder", async () => {
    const cwd = place();
    const { child, stderr, ended } = start([...long, "--json=result.json"], cwd);
    await until(() => stderr().includes("evaluating"));
    const began = Date.now();
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 130, stdout: "" });
    expect(Date.now() - began).toBeLessThan(3000);
    expect(listing(cwd)).toEqual([]);
  });

  it("before anything is saved ends with 130 and leaves nothing", async () => {
    const cwd = place();
    const { child, stderr, ended } = start([...long, "--batch", "10000", "--out=deep/report"], cwd);
    setTimeout(() => child.kill("SIGINT"), 700);
    expect(await ended).toMatchObject({ code: 130, stdout: "" });
    expect(stderr()).toContain("Nothing unfinished is left behind");
    expect(listing(cwd)).toEqual([]);
  });

  it("while the report is written ends with 3 and leaves no part of it, unless it comes too late", async () => {
    const cwd = place();
    const { child, ended } = start([...lenet, "--limit", "50", "--out", "deep/er/report", "--quiet"], cwd);
    await until(() => listing(cwd).some((name) => name.endsWith(".partial")));
    child.kill("SIGINT");
    const { code } = await ended;
    const left = listing(join(cwd, "deep", "er"));
    // The report may be done before the threads have ended.
    if (code === 130) expect(left).toEqual(["report", ...REPORT_FILES.map((name) => join("report", name))].toSorted());
    else expect([code, ...left]).toEqual([3, "report", join("report", "state.jsonl")]);
  });

  it("of an attack ends with 130 and leaves nothing; so does SIGTERM, with 143", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const cwd = place();
      const { child, ended } = start(["attack", ...long, "--limit", "5000", "--out", "examples.npz"], cwd);
      await until(() => listing(cwd).some((name) => name.endsWith(".partial")));
      child.kill(signal);
      expect(await ended).toMatchObject({ code, stdout: "" });
      expect(listing(cwd)).toEqual([]);
    }
  });
});

describe("attack", () => {
  it("writes rows grouped by ε whose share of right predictions is the accuracy", async () => {
    const cwd = place();
    const common = [...lenet, "--limit", "120", "--offset", "30", "--eps", "0.1,0.25"];
    const evaluation = json(await perturb([...common, "--json", "-"], cwd));
    const outcome = await perturb(["attack", ...common, "--batch", "50", "--out", "examples", "--png"], cwd);
    expect(outcome).toMatchObject({ code: 0 });
    const arrays = readNpz(new Uint8Array(readFileSync(join(cwd, "examples/adversarial.npz"))), "adversarial.npz");
    const values = (name: string) => Array.from(arrays.get(name)!.data as ArrayLike<number>);
    expect([...arrays].map(([name, { type, dims }]) => `${name} ${type} ${dims}`)).toEqual([
      "x float32 240,1,28,28",
      "x_adv float32 240,1,28,28",
      "label int32 240",
      "prediction int32 240",
      "success uint8 240",
      "distance float64 240",
      "index int32 240",
      "epsilon float64 240",
    ]);
    expect(values("index")).toEqual([...Array(240).keys()].map((i) => 30 + (i % 120)));
    expect(values("epsilon")).toEqual([...Array(240).keys()].map((i) => (i < 120 ? 0.1 : 0.25)));
    const [label, prediction, success, distance] = ["label", "prediction", "success", "distance"].map(values);
    const [x, adversarial] = ["x", "x_adv"].map(values);
    for (const [k, point] of evaluation.points.entries()) {
      const rows = [...Array(120).keys()].map((i) => 120 * k + i);
      expect(rows.filter((i) => prediction![i] === label![i])).toHaveLength(point.correct);
      expect(rows.filter((i) => success![i] === 1)).toHaveLength(point.fooled);
      for (const i of rows) {
        let most = 0;
        for (let j = 784 * i; j < 784 * (i + 1); j++) most = Math.max(most, Math.abs(adversarial![j]! - x![j]!));
        expect(distance![i]).toBe(most);
        expect(most).toBeLessThanOrEqual(Math.fround(point.epsilon) * (1 + 1e-6));
      }
      const pictures = listing(join(cwd, `examples/eps-${point.epsilon}`));
      expect(pictures.filter((path) => path.endsWith(".png"))).toHaveLength(point.fooled);
      expect(outcome.stdout).toMatch(
        new RegExp(`^${point.epsilon} +${point.correct} +${point.fooled} +\\d+ of ${point.fooled}$`, "m"),
      );
    }
  });

  it("rounds pictures to 8 bits", async () => {
    const cwd = place();
    await perturb(["attack", ...lenet, "--limit", "60", "--eps", "0.3", "--out", "examples", "--png"], cwd);
    const arrays = readNpz(new Uint8Array(readFileSync(join(cwd, "examples/adversarial.npz"))), "adversarial.npz");
    const name = listing(join(cwd, "examples/eps-0.3")).find((path) => path.endsWith(".png"));
    const [, folder, index, label, prediction] = /^(\d+)\/(\d+)-(\d+)-to-(\d+)-eps-0\.3\.png$/.exec(name!)!.map(Number);
    expect(folder).toBe(label);
    expect([arrays.get("label")!.data[index!], arrays.get("prediction")!.data[index!]]).toEqual([label, prediction]);
    const { default: sharp } = await import("sharp");
    const pixels = await sharp(join(cwd, "examples/eps-0.3", name!))
      .extractChannel(0)
      .raw()
      .toBuffer();
    const exact = (arrays.get("x_adv")!.data as Float32Array).subarray(784 * index!, 784 * (index! + 1));
    expect([...pixels]).toEqual(Array.from(exact, (v) => Math.round(255 * v)));
  });
});

describe("gradient", () => {
  const arrays = readNpz(new Uint8Array(readFileSync(FIRST100)), "first100.npz");
  const x = arrays.get("x")!;
  const y = arrays.get("y")!;
  const truth = arrays.get("grad")!.data as Float32Array;
  /** Equal within 1e-6, and in sign wherever rounding (some 1e-8 here) does not decide it. */
  const expectTruth = (got: Float32Array) => {
    expect(got).toHaveLength(truth.length);
    const worst = got.reduce((most, g, i) => Math.max(most, Math.abs(g - truth[i]!)), 0);
    expect(worst).toBeLessThanOrEqual(1e-6);
    expect(got.findIndex((g, i) => Math.abs(truth[i]!) > 1e-7 && Math.sign(g) !== Math.sign(truth[i]!))).toBe(-1);
  };

  it("computes torch's gradient of each sample's cross-entropy", async () => {
    const cwd = place();
    writeFileSync(join(cwd, "x.npy"), writeNpy(x));
    writeFileSync(join(cwd, "y.npy"), writeNpy(y));
    const files = ["--input", "x.npy", "--labels", "y.npy", "--values", "g.npy"];
    const outcome = await perturb(["gradient", LENET, "--arch", "lenet", ...files, "--batch", "33"], cwd);
    expect(outcome).toMatchObject({ code: 0 });
    const gradient = readNpy(new Uint8Array(readFileSync(join(cwd, "g.npy"))), "g.npy");
    expect(gradient).toMatchObject({ type: "float32", dims: x.dims });
    expectTruth(gradient.data as Float32Array);
  });

  it("saves a graph that any runtime runs", async () => {
    const cwd = place();
    expect(await perturb(["gradient", LENET, "--arch", "lenet", "--out", "g.onnx"], cwd)).toMatchObject({ code: 0 });
    const program = await nodeRuntime().load(new Uint8Array(readFileSync(join(cwd, "g.onnx"))));
    expect([program.inputs, program.outputs]).toEqual([
      ["x", "labels"],
      ["logits", "loss", "gradient"],
    ]);
    const labels = {
      type: "int64",
      dims: [100],
      data: BigInt64Array.from(y.data as ArrayLike<number | bigint>, BigInt),
    } as const;
    const result = await program.run({ x, labels });
    await program.release();
    expectTruth(result["gradient"]!.data as Float32Array);
  });

  it("knows the margin loss", async () => {
    const cwd = place();
    writeFileSync(join(cwd, "x.npy"), writeNpy(x));
    writeFileSync(join(cwd, "y.npy"), writeNpy(y));
    const files = ["--input", "x.npy", "--labels", "y.npy", "--values", "g.npy"];
    const outcome = await perturb(["gradient", LENET, "--arch", "lenet", ...files, "--loss", "margin"], cwd);
    // The mean over samples of max_{j≠y} z_j - z_y, from torch's log-probabilities: softmax shifts both alike.
    const z = arrays.get("logprobs")!.data as Float32Array;
    const margins = Array.from(y.data as ArrayLike<number | bigint>, (label, i) => {
      const row = [...z.subarray(10 * i, 10 * (i + 1))];
      return Math.max(...row.filter((_, j) => j !== Number(label))) - row[Number(label)]!;
    });
    const mean = margins.reduce((a, b) => a + b, 0) / margins.length;
    expect(Number(/mean loss (\S+):/.exec(outcome.stdout)![1])).toBeCloseTo(mean, 4);
  });
});

describe("inspect and list", () => {
  let inspection: Record<string, unknown>;
  beforeAll(async () => {
    inspection = JSON.parse((await perturb(["inspect", LENET, "--arch", "lenet", "--json"], place())).stdout);
  });

  it("says what is in a model", () => {
    expect(inspection).toMatchObject({
      name: "lenet_zip.pth",
      inputs: [{ name: "x", type: "float32", dims: ["N", 1, 28, 28] }],
      classifier: { classes: 10, head: "log-softmax" },
      differentiable: true,
      obstacles: [],
      parameters: 21_840,
      multiplyAdds: { total: 480_500, uncounted: 0 },
      defences: [],
      preprocessing: [],
    });
  });

  it("finds preprocessing in a graph", async () => {
    const outcome = await perturb(["inspect", at("fixtures/onnx/densenet.onnx")], place());
    expect(outcome.stdout).toMatch(/^preprocessing +Sub 0\.45, then Div 0\.25$/m);
    expect(outcome.stdout).toMatch(/^operator +count +gradient$/m);
  });

  it("lists attacks by family, each option with its unit", async () => {
    const cwd = place();
    const rows = JSON.parse((await perturb(["list", "attacks", "--json"], cwd)).stdout) as AttackRow[];
    const text = (await perturb(["list", "attacks"], cwd, { COLUMNS: "120" })).stdout;
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(attacks));
    expect(text.match(/^\S.*$/gm)!.slice(0, -1)).toEqual([...new Set(rows.map(({ family }) => family))]);
    for (const { name, title, options, about, paper } of rows) {
      expect(text).toContain(`\n  ${name}: ${title}\n`);
      expect(text).toContain(paper);
      // Those of an ensemble stand with its members.
      const isEnsemble = options.some((option) => /^[\w-]+\./.test(option));
      if (isEnsemble) expect(text).toContain(`--set ${name}.${options.at(-1)}`);
      else for (const option of options) expect(text).toContain(`    ${option}`);
      expect(Object.values(about).every((words) => words.length > 5)).toBe(true);
    }
    expect(text).toMatch(/^ {4}stepSize=0\.0625eps +length of a step$/m);
    expect(text).toMatch(/A length is absolute, .*2\/255.*0\.25eps\.\n$/s);
  });

  it.each(["datasets", "models", "operators"])("lists %s", async (what) => {
    const cwd = place();
    const rows = JSON.parse((await perturb(["list", what, "--json"], cwd)).stdout) as Record<string, unknown>[];
    const text = (await perturb(["list", what], cwd)).stdout;
    expect(rows.length).toBeGreaterThan(0);
    expect(text.trimEnd().split("\n")).toHaveLength(rows.length + 1);
    for (const row of rows) expect(text).toContain(String(Object.values(row)[0]));
  });
});

describe("help", () => {
  const commands = ["evaluate", "compare", "attack", "gradient", "inspect", "saliency", "train", "playground", "list"];

  it("lists every command with a line", async () => {
    for (const args of [["--help"], ["help"]]) {
      const { code, stdout } = await perturb(args, place());
      expect(code).toBe(0);
      for (const name of commands) expect(stdout).toMatch(new RegExp(`^ {2}${name} +\\w`, "m"));
    }
  });

  it.each(commands)("teaches %s, either way round", async (name) => {
    const cwd = place();
    const [before, after] = await Promise.all([perturb(["help", name], cwd), perturb([name, "--help"], cwd)]);
    expect(before).toEqual(after);
    expect(before.stdout).toMatch(new RegExp(`^Usage: perturb ${name} `));
    expect(before).toMatchObject({ code: 0, stderr: "" });
  });

  it("gives the version of package.json", async () => {
    const { version } = JSON.parse(readFileSync(at("../package.json"), "utf8")) as { version: string };
    expect(await perturb(["--version"], place())).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it.each([
    [["evalute"], /^perturb: There is no command "evalute"\. .*Did you mean evaluate\?\n$/],
    [["net.onnx"], /^perturb: There is no command "net\.onnx"\. .*perturb evaluate --model net\.onnx\.\n$/],
    [["--modle", "x"], /^perturb: unknown option '--modle' \(Did you mean --model\?\)\n$/],
    [["evaluate", "--attack", "fgms"], /^perturb: .* Did you mean fgsm\?\n$/],
    [["--model", LENET, "--arch", "lennet"], /^perturb: .* Did you mean lenet\?\n$/],
    [["--data", "mnits", ...lenet], /^perturb: .* Did you mean mnist\?\n$/],
    [["evaluate", "net.onnx"], /^perturb: too many arguments for 'evaluate'.* Name the model by --model\.\n$/],
    [["list", "attack"], /^perturb: .*Allowed choices are attacks, datasets, models, operators\.\n$/],
  ])("answers %j with what was meant", async (args, message) => {
    const outcome = await perturb(args, place());
    expect(outcome).toMatchObject({ code: 2, stdout: "" });
    expect(outcome.stderr).toMatch(message);
  });
});
