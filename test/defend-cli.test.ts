import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { readOnnx } from "../src/onnx/file.ts";
import { metadataOf } from "../src/onnx/metadata.ts";
import { perturb, scratch } from "./support/cli.ts";

const MODEL = fileURLToPath(new URL("../models/lenet-mnist.onnx", import.meta.url));
const space = scratch();
afterAll(space.remove);

describe("perturb defend", () => {
  it("writes a file that evaluate recognises, with what the defence claims beside what is left", async () => {
    const made = await perturb(["defend", MODEL, "--with", "bits:4,jpeg", "--out", "d.onnx"], space.path);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    expect(made.stdout).toBe(
      "Defended model: d.onnx (bits:4,jpeg:75)\n\nWhat it is worth: perturb evaluate --model d.onnx --attack pgd\n",
    );
    const [before, after] = [MODEL, join(space.path, "d.onnx")].map((path) => readOnnx(readFileSync(path)));
    expect(metadataOf(after!, "perturb.defence")).toBe("bits:4,jpeg:75");
    expect([after!.inputs, after!.outputs]).toEqual([before!.inputs, before!.outputs]);
    for (const [name, weights] of before!.initializers) expect(after!.initializers.get(name)).toEqual(weights);

    const shown = await perturb(["inspect", "d.onnx"], space.path);
    expect(shown.stdout).toMatch(/^defence +bits:4, then jpeg:75; attacks adapt to it\npreprocessing +none found/m);
    const args = ["evaluate", "--model", "d.onnx", "--attack", "pgd", "--set", "pgd.steps=10", "--eps", "0.3"];
    const { code, stdout, stderr } = await perturb([...args, "--limit", "20", "--out", "r"], space.path);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stdout).toMatch(/│ without adaptation │ 0\.3 │ +\d+ \/ 20 │/);
    expect(stderr).toContain("warning: The model has a defence in front of its network: bits:4, then jpeg:75.");
    expect(readFileSync(join(space.path, "r/accuracy.csv"), "utf8")).toMatch(/\nwithout adaptation,linf,0\.3,/);
    expect(readFileSync(join(space.path, "r/report.html"), "utf8")).toContain("without adaptation");
    expect(JSON.parse(readFileSync(join(space.path, "r/report.json"), "utf8"))).toMatchObject({
      defence: { names: ["bits:4", "jpeg:75"], unadapted: [{ epsilon: 0.3, total: 20 }] },
    });
  });

  it.each([
    [[], /^perturb: Say what to defend with: --with jpeg:75/],
    [["--with", "jpg:75"], /no defence named "jpg".* Did you mean jpeg/],
    [["--with", "jpeg:101"], /from 1 to 100, .*; got "jpeg:101" \(--with jpeg:75\)/],
    [["--with", "jpeg", "--shape", "1,32,32"], /do not fit/],
    [["--with", "jpeg", "--bounds", "bounds.csv"], /one pair of bounds/],
    [["--with", "jpeg", "--input-name", "pixels"], /no input "pixels".*\(--input-name\)/],
  ])("refuses %j, and writes nothing", async (args, message) => {
    const { code, stderr, stdout } = await perturb(["defend", MODEL, "--out", "no.onnx", ...args], space.path);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(join(space.path, "no.onnx"))).toBe(false);
  });
});
