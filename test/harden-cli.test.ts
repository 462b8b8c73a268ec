import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readNpz, writeNpz } from "../src/datasets/npz.ts";
import { HARDENING_FILES } from "../src/harden/folder.node.ts";
import { emptyGraph } from "../src/onnx/builder.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { Ops } from "../src/onnx/ops.ts";
import { tensor } from "../src/tensor.ts";
import { listing, perturb, scratch, start, until } from "./support/cli.ts";
import { withDataFiles, withExternalData } from "./support/external.ts";

const MODEL = fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url));
const { path: cwd, remove } = scratch();
afterAll(remove);

/** 300 images, of which 120 are held out. */
const images = readNpz(new Uint8Array(readFileSync(new URL("fixtures/pytorch/first100.npz", import.meta.url))), "npz");
const thrice = (name: string) => {
  const { type, dims, data } = images.get(name)!;
  const all = [0, 1, 2].flatMap(() => Array.from(data as ArrayLike<number | bigint>, Number));
  const shape = [300, ...dims.slice(1)];
  return type === "float32"
    ? tensor(type, shape, Float32Array.from(all))
    : tensor("int32", shape, Int32Array.from(all));
};
const [x, y] = [thrice("x"), thrice("y")];
writeFileSync(join(cwd, "images.npz"), writeNpz({ x, y }));
writeFileSync(join(cwd, "other-labels.npz"), writeNpz({ x, y: { ...y, data: Int32Array.from(y.data, () => 11) } }));
const SMALL = ["harden", MODEL, "--data", "images.npz", "--validation", "60", "--eps", "0.1", "--batch", "40", "--test-limit", "20"]; // biome-ignore format: one command
const content = (out: string, name: string): string => readFileSync(join(cwd, out, name)).toString("base64");

describe("perturb harden", () => {
  it("writes a model, how it went, and before against after; stopped and resumed, the same bytes", async () => {
    const more = ["--epochs", "2", "--ema", "0.9", "--augment", "flip,shift=1", "--set", "ramp=0.5"];
    const whole = await perturb([...SMALL, ...more, "--out", "whole"], cwd);
    expect(whole, whole.stderr).toMatchObject({ code: 0 });
    expect(whole.stdout).toMatch(/^epoch 0\/2: as given; held out: clean \d+\.\d %, FGSM .* %, PGD-10 .* %\n/);
    expect(whole.stdout).toContain("B: after (model.onnx, pgd)");
    expect(whole.stdout).toContain("Report: whole/report.html");
    expect(whole.stdout).toContain("B - A");
    expect(listing(join(cwd, "whole"))).toEqual([...HARDENING_FILES].sort());

    const { child, ended, stderr } = start([...SMALL, ...more, "--out", "parts"], cwd);
    let isStopped = false;
    child.stdout!.on("data", () => {
      // As soon as the first epoch is told, and its checkpoint saved.
      if (!isStopped) child.kill("SIGINT");
      isStopped = true;
    });
    const stopped = await ended;
    expect(stopped, stderr()).toMatchObject({ code: 3, signal: null });
    expect(stopped.stderr).toContain("perturb harden --resume parts");
    expect(listing(join(cwd, "parts"))).toEqual(["checkpoint.safetensors"]);
    expect(await perturb(["harden", "--resume", "parts"], cwd)).toMatchObject({ code: 0 });
    for (const name of HARDENING_FILES.slice(1)) expect(content("parts", name)).toBe(content("whole", name));

    const again = await perturb([...SMALL, "--out", "whole"], cwd);
    expect(again).toMatchObject({ code: 2, stdout: "" });
    expect(again.stderr).toContain("--resume whole");
    expect(await perturb(["harden", "--resume", "whole", "--lr", "1"], cwd)).toMatchObject({ code: 2, stdout: "" });
  });

  it("is stopped in the comparison, too, and goes on with it", async () => {
    const long = [...SMALL.slice(0, -1), "240", "--test", "images.npz", "--epochs", "0", "--out", "compared"];
    const { child, ended } = start(long, cwd);
    let isStopped = false;
    child.stdout!.on("data", (text) => {
      if (!isStopped && String(text).includes("Model: ")) child.kill("SIGINT");
      isStopped ||= String(text).includes("Model: ");
    });
    expect(await ended).toMatchObject({ code: 3, stderr: expect.stringContaining("--resume compared") });
    expect(existsSync(join(cwd, "compared", "report.html"))).toBe(false);
    const rest = await perturb(["harden", "--resume", "compared"], cwd);
    expect(rest, rest.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining("240 samples of images") });
  });

  it("gives the file back as it is without epochs", async () => {
    const outcome = await perturb([...SMALL, "--epochs", "0", "--quiet", "--out", "none"], cwd);
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    const given = readFileSync(MODEL).toString("base64");
    expect([content("none", "model.onnx"), content("none", "last.onnx")]).toEqual([given, given]);
  });

  it("writes weights in other files into copies of those files, and goes on with no others", async () => {
    const { onnx, files } = withDataFiles(new Uint8Array(readFileSync(MODEL)), (name) =>
      name.startsWith("fc") ? "net.data" : "parts/rest.data",
    );
    mkdirSync(join(cwd, "outside", "parts"), { recursive: true });
    const at = (name: string) => join(cwd, "outside", name);
    for (const [name, bytes] of files) writeFileSync(at(name), bytes);
    writeFileSync(at("net.onnx"), onnx);
    const args = ["harden", at("net.onnx"), ...SMALL.slice(2), "--epochs", "1", "--lr", "0.01", "--out"];
    const made = await perturb([...args, "beside"], cwd);
    expect(made, made.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining("B: after (model.onnx, ") });
    const written = ["", "last/"].flatMap((folder) => ["model.onnx", ...files.keys()].map((name) => folder + name));
    const others = HARDENING_FILES.filter((name) => !name.endsWith(".onnx"));
    const folders = ["parts", "last", "last/parts"];
    expect(listing(join(cwd, "beside"))).toEqual([...others, ...written, ...folders].sort());
    const given = new Map([["model.onnx", onnx], ...files]);
    for (const name of written)
      expect(statSync(join(cwd, "beside", name)).size).toBe(given.get(name.replace("last/", ""))!.length);
    expect(content("beside", "last/model.onnx")).toBe(Buffer.from(onnx).toString("base64"));
    expect(content("beside", "last/net.data")).not.toBe(content("outside", "net.data"));

    // The folder of the model holds these files, and they are not written over.
    const over = await perturb([...args, "outside"], cwd);
    expect(over).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("already holds parts/rest.data"),
    });
    writeFileSync(
      at("net.data"),
      files.get("net.data")!.map((byte, i) => (i === 0 ? byte ^ 1 : byte)),
    );
    const resumed = await perturb(["harden", "--resume", "beside"], cwd);
    expect(resumed).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("began with weights {") });
  });

  it("leaves no empty folder when it is stopped before there is anything to save", async () => {
    const { child, ended } = start([...SMALL, "--out", "new/early"], cwd);
    await until(() => existsSync(join(cwd, "new", "early")));
    child.kill("SIGINT");
    const { code } = await ended;
    expect([3, 130]).toContain(code);
    expect(existsSync(join(cwd, "new"))).toBe(code === 3);
  });

  it("refuses what cannot be in one sentence, with nothing half-written", async () => {
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [["--eps", "0"], /ε must be above 0/],
      [["--eps", "1"], /ε is 1, and the input reaches from 0 to 1/],
      [["--validation", "290"], /300 samples; of these, 580 .*--validation/],
      [["--only", "conv9*"], /--only conv9\* matches none of the 8 parameters/],
      [
        ["--method", "pgd", "--set", "stesp=3"],
        /pgd, which has steps, stepSize, labelSmoothing, warmup, ramp; got "stesp=3".*steps/,
      ],
      [["--data", "other-labels.npz"], /other-labels\.npz has 12 classes, and .* knows 10/],
      [["--method", "ibp", "--set", "kappa=2"], /ibp\.kappa is a share from 0 to 1, got 2/],
      [["--method", "ibp", "--set", "warmup=0.7", "--set", "ramp=0.7"], /ε would never be whole/],
      [["--method", "ibp", "--set", "radius=0"], /ibp\.radius must be above 0/],
      [["--bn", "recalibrate"], /has no BatchNormalization with stored statistics.* Leave --bn out/],
      [["--augment", "flip,shift=28"], /shift is a whole number of pixels from 0 to 27.*--augment/],
      [["--method", "sabr", "--set", "box=0"], /sabr\.box is a share above 0, up to 1, got 0/],
      [["--in", "taken.onnx"], /keeps weights in a file named report\.html, and the result has one of that name/],
      [
        ["--in", "rows.onnx"],
        /rows\.onnx cannot be hardened yet: its batch is 2, and Add .* needs it to be that\. Export it/,
      ],
      [["--in", "bare.onnx"], /bare\.onnx has no parameters that can be learned/],
    ];
    const net = new Uint8Array(readFileSync(MODEL));
    const taken = withExternalData(net, "report.html");
    const made = (batch: "N" | 2, end: (b: Ops, pixels: string) => string) => {
      const b = new Ops(emptyGraph("made"));
      const image = b.input({ name: "image", type: "float32", dims: [batch, 1, 28, 28] });
      return writeOnnx(b.finish([end(b, b.reshape(image, [batch === "N" ? -1 : batch, 784]))]));
    };
    const weights = tensor("float32", [784, 10], new Float32Array(7840).fill(0.01));
    const own = tensor(
      "float32",
      [2, 10],
      new Float32Array(20).map((_, i) => i),
    );
    const rows = made(2, (b, pixels) =>
      b.plus(b.matmul(pixels, b.parameter("weights", weights)), b.parameter("own", own)),
    );
    const bare = made("N", (b, pixels) => b.slice(pixels, [1], [0], [10]));
    const files = { "taken.onnx": taken.onnx, "report.html": taken.data, "rows.onnx": rows, "bare.onnx": bare };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(cwd, name), content);
    await Promise.all(
      cases.map(async ([change, message], i) => {
        // Another model instead, or other options.
        const args = change[0] === "--in" ? ["harden", change[1]!, ...SMALL.slice(2)] : [...SMALL, ...change];
        const { code, stdout, stderr } = await perturb([...args, "--out", `wrong-${i}`], cwd);
        expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
        expect(stderr).toMatch(message);
        expect(stderr.trim().split("\n")).toHaveLength(1);
      }),
    );
    expect(listing(cwd).filter((name) => name.startsWith("wrong"))).toEqual([]);
  });
});
