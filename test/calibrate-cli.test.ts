import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openModel } from "../src/models/open.node.ts";
import { openDataset } from "../src/node.ts";
import { writeOnnx } from "../src/onnx/file.ts";
import { calibrationSchema } from "../src/report/files/calibration-schema.ts";
import { perturb, scratch } from "./support/cli.ts";
import { smallNetwork } from "./support/models.ts";

const space = scratch();
afterAll(space.remove);
const run = (...args: string[]) => perturb(["calibrate", ...args], space.path);

describe("perturb calibrate", () => {
  it("writes a file whose logits are those of before, divided by the temperature that it tells", async () => {
    const { code, stdout } = await run("lenet-mnist", "--limit", "2000", "--out", "c.onnx", "--json", "c.json");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^lenet-mnist on mnist: temperature [\d.]+, fitted to 1000 samples, measured on 1000 others\n/,
    );
    expect(stdout).toMatch(/samples +T +accuracy +confidence +ECE +adaptive ECE +Brier +NLL\n +clean +1 /);
    expect(stdout).toMatch(/\nCalibrated model: c\.onnx\n$/);
    const { temperature, clean, attacked } = calibrationSchema.parse(
      JSON.parse(readFileSync(join(space.path, "c.json"), "utf8")),
    );
    expect(clean.after.accuracy).toBe(clean.before.accuracy);
    expect(attacked).toEqual([]);
    const [before, after] = await Promise.all(
      ["lenet-mnist", join(space.path, "c.onnx")].map((path) => openModel(path)),
    );
    for await (const { x } of (await openDataset("mnist")).batches({ batch: 20, limit: 20 })) {
      const [z, divided] = [await before!.logits(x), await after!.logits(x)];
      for (const [i, value] of divided.data.entries())
        expect(Math.abs(value - z.data[i]! / temperature)).toBeLessThan(1e-5);
    }
    await Promise.all([before!.release(), after!.release()]);
    // Once calibrated on these samples, nothing is left to do.
    const again = await run("c.onnx", "--limit", "2000", "--quiet", "--json", "-");
    expect(Math.abs(calibrationSchema.parse(JSON.parse(again.stdout)).temperature - 1)).toBeLessThan(1e-5);
  });

  it("measures under attack where a budget is given", async () => {
    const args = ["--attack", "fgsm", "--eps", "0.1,0.2", "--limit", "600", "--quiet"];
    const { code, stdout } = await run("lenet-mnist", ...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nε = 0\.1 +1 .*\nε = 0\.1 +[\d.]+ .*\nε = 0\.2 +1 /);
    expect(stdout).toContain("To save it: perturb calibrate lenet-mnist … --out calibrated.onnx");
  });

  it.each([
    [
      ["lenet-mnist", "--limit", "99"],
      /50 are to fit and 49 to measure, and each needs 50\. Give more samples \(--limit\)/,
    ],
    [["lenet-mnist", "--limit", "200"], /All 100 samples to fit are classified correctly/],
    [["lenet-mnist", "--fit", "1.5"], /share of samples to fit \(--fit\) lies between 0 and 1, got 1\.5/],
    [["lenet-mnist", "--set", "pgd.steps=3"], /--set is for attacks\. Add their budgets \(--eps 0\.1\)/],
    [["http://localhost:1/v2/models/net"], /behind an address cannot be written/],
    [["lenet-mnist", "--data", "images.npy"], /labels/],
    [["sigmoid.onnx"], /head of the kind sigmoid/],
    [["lenet-mnist", "--json", "./no.onnx"], /Two results would be written to/],
  ])("refuses %j, and writes nothing", async (args, message) => {
    writeFileSync(join(space.path, "images.npy"), npy([100, 1, 28, 28]));
    const network = smallNetwork([1, 28, 28], 10);
    const output = { ...network.outputs[0]!, name: "p" };
    const nodes = [
      ...network.nodes,
      { ...network.nodes[0]!, op: "Sigmoid", inputs: [network.outputs[0]!.name], outputs: ["p"] },
    ];
    writeFileSync(join(space.path, "sigmoid.onnx"), writeOnnx({ ...network, nodes, outputs: [output] }));
    const { code, stdout, stderr } = await run(...args, "--out", "no.onnx", "--quiet");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(existsSync(join(space.path, "no.onnx"))).toBe(false);
  });
});

/** An array of zeros of bytes. */
function npy(dims: readonly number[]): Uint8Array {
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${dims.join(", ")}), }`.padEnd(117);
  const size = dims.reduce((a, b) => a * b);
  return Buffer.concat([
    Buffer.from("\x93NUMPY\x01\x00v\x00", "latin1"),
    Buffer.from(`${header}\n`),
    Buffer.alloc(size),
  ]);
}
