import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fgsm } from "../src/exports/attacks.ts";
import { readNpz } from "../src/exports/datasets.ts";
import { evaluate, predict, VERSION } from "../src/index.ts";
import { openDataset, openModel } from "../src/node.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LENET = fileURLToPath(new URL("fixtures/pytorch/lenet_zip.pth", import.meta.url));
const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
  exports: Record<string, string | object>;
};

describe("the library", () => {
  it("measures a model in a few lines, and gives what torch's gradients give", async () => {
    const model = await openModel(LENET, { arch: "lenet" });
    const data = await openDataset("mnist");
    const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [0, 0.1, 0.2], limit: 100 });

    const torch = readNpz(
      new Uint8Array(readFileSync(new URL("fixtures/pytorch/first100.npz", import.meta.url))),
      "first100.npz",
    );
    const [x, gradient] = [torch.get("x")!.data as Float32Array, torch.get("grad")!.data as Float32Array];
    const labels = Array.from(torch.get("y")!.data as ArrayLike<number | bigint>, Number);
    const expected: number[] = [];
    const right = predict({ type: "float32", dims: [100, 10], data: torch.get("logprobs")!.data as Float32Array }).map(
      (p, i) => Number(p === labels[i]),
    );
    for (const epsilon of [0, 0.1, 0.2]) {
      const moved = x.map((v, i) => Math.min(1, Math.max(0, v + Math.fround(epsilon) * Math.sign(gradient[i]!))));
      const predictions = predict(await model.logits({ type: "float32", dims: torch.get("x")!.dims, data: moved }));
      expected.push(right.filter((r, i) => r === 1 && predictions[i] === labels[i]).length);
    }
    await model.release();
    expect(evaluation.points.map((point) => point.correct)).toEqual(expected);
    expect(evaluation.clean.correct).toBe(expected[0]);
    expect(new Set(expected).size).toBe(3);
    expect(evaluation.model).toMatchObject({
      name: "lenet_zip.pth",
      parameters: 21_840,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  it("fits data to the model's shape, and refuses data that cannot fit", async () => {
    const model = await openModel(LENET, { arch: "lenet" });
    const mnist = await openDataset("mnist", { shape: [784] });
    const options = { attacks: [fgsm], epsilons: [0.1], limit: 20 };
    const { evaluation } = await evaluate(model, mnist, options);
    expect(evaluation.clean.correct).toBeGreaterThan(15);
    await expect(evaluate(model, { ...mnist, shape: [783] }, options)).rejects.toMatchObject({ code: "mismatch" });
    await expect(evaluate(model, mnist, { ...options, epsilons: [] })).rejects.toMatchObject({ code: "usage" });
    await expect(evaluate(model, mnist, { ...options, signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "cancelled",
    });
    await model.release();
  });

  it("has the version of its package", () => expect(VERSION).toBe(manifest.version));
});

describe("the package", () => {
  /** The names that each entry gives, as a program finds them by the package's name. */
  const namesOf = (entries: readonly string[]): Record<string, string[]> => {
    const script = `const all = {}; for (const entry of ${JSON.stringify(entries)}) all[entry] = Object.keys(await import(entry)); console.log(JSON.stringify(all));`;
    return JSON.parse(
      execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: ROOT, encoding: "utf8" }),
    );
  };

  it("gives its entry points by name", () => {
    const entries = Object.keys(manifest.exports).filter((key) => !key.endsWith(".json"));
    const names = namesOf(entries.map((key) => key.replace(/^\./, "perturb")));
    expect(names["perturb"]).toEqual(
      expect.arrayContaining([
        "PerturbError",
        "callbackModel",
        "evaluate",
        "openClassifier",
        "openEndpoint",
        "ortRuntime",
      ]),
    );
    expect(names["perturb/node"]).toEqual(
      expect.arrayContaining(["nodeRuntime", "openDataset", "openModel", "threads", "writeReport"]),
    );
    expect(names["perturb/attacks"]).toEqual(expect.arrayContaining(["attacks", "defineAttack", "fgsm"]));
    expect(names["perturb/autodiff"]).toEqual(expect.arrayContaining(["asClassifier", "differentiate", "rules"]));
    expect(names["perturb/datasets"]).toEqual(expect.arrayContaining(["openIdx", "openNpz"]));
    expect(names["perturb/onnx"]).toEqual(expect.arrayContaining(["Ops", "readOnnx", "writeOnnx"]));
    expect(names["perturb/train"]).toEqual(expect.arrayContaining(["harden", "methods", "trades"]));
    expect(names["perturb/report"]).toEqual(expect.arrayContaining(["toCsv", "toHtml", "toJson"]));
  });

  it("does in ten lines what its README says", () => {
    const program = `
      import { evaluate } from "perturb";
      import { fgsm } from "perturb/attacks";
      import { openDataset, openModel } from "perturb/node";
      const model = await openModel(${JSON.stringify(LENET)}, { arch: "lenet" });
      const data = await openDataset("mnist");
      const { evaluation } = await evaluate(model, data, { attacks: [fgsm], epsilons: [8 / 255], limit: 100 });
      for (const { epsilon, correct, total } of evaluation.points) console.log(epsilon, correct, total);`;
    const output = execFileSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(output).toMatch(/^0\.03137254901960784 9\d 100\n$/);
  });
});
