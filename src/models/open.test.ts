import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as native from "onnxruntime-node";
import { afterEach, describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, numbers } from "../../test/support/models.ts";
import { ortRuntime } from "../runtime/ort.ts";
import type { GraphModel } from "./classifier/graph-model.ts";
import { openModel as openByPath } from "./open.node.ts";
import { openModel } from "./open.ts";

const FILE = new URL("../../models/lenet-mnist.onnx", import.meta.url);
const WEIGHTS = new URL("../../test/fixtures/pytorch/lenet_zip.pth", import.meta.url);
const bytes = new Uint8Array(readFileSync(FILE));
const runtime = ortRuntime(native);
const x = floats([2, 1, 28, 28], numbers(2 * 784, 1, 0, 1));

const opened: GraphModel[] = [];
const kept = async (model: Promise<GraphModel>): Promise<GraphModel> => {
  opened.push(await model);
  return opened.at(-1)!;
};
afterEach(async () => {
  for (const model of opened.splice(0)) await model.release();
});

describe("openModel of bytes", () => {
  it("opens what openModel of a path opens, from any kind of bytes", async () => {
    const there = await kept(openByPath("lenet-mnist"));
    const expected = (await there.logits(x)).data;
    // Inside a larger buffer, as Buffer gives it.
    const inside = Buffer.concat([Buffer.alloc(13), bytes, Buffer.alloc(7)]).subarray(13, 13 + bytes.length);
    for (const given of [bytes, bytes.slice().buffer, inside]) {
      const model = await kept(openModel(given, { runtime }));
      expect((await model.logits(x)).data).toEqual(expected);
      expect(model).toMatchObject({ name: "model", inputShape: [1, 28, 28], classes: 10 });
      expect(model.file.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
    }
  });

  it("takes a name, a network for weights, and what stands in front of the model", async () => {
    const normalization = { mean: [0.5], std: [0.25] };
    const weights = new Uint8Array(readFileSync(WEIGHTS));
    const bounds = { lower: -1, upper: 1 };
    const model = await kept(
      openModel(weights, { runtime, name: "mine", arch: "lenet", normalization, bounds, input: "x" }),
    );
    expect(model).toMatchObject({ name: "mine", bounds });
    const plain = await kept(openModel(weights, { runtime, arch: "lenet" }));
    const scaled = floats(
      x.dims,
      x.data.map((v) => (v - 0.5) / 0.25),
    );
    const [a, b] = [(await model.logits(x)).data, (await plain.logits(scaled)).data];
    for (const [i, value] of b.entries()) expect(a[i]).toBeCloseTo(value, 4);
  });

  it("says what is missing, also to JavaScript", async () => {
    const open = openModel as (...given: unknown[]) => Promise<unknown>;
    expect((await failure("usage", () => open("net.onnx", { runtime }))).message).toContain("perturb/node");
    expect((await failure("usage", () => open(bytes, {}))).message).toContain("ortRuntime(ort)");
    expect(
      (await failure("usage", () => openModel(new Uint8Array(readFileSync(WEIGHTS)), { runtime }))).message,
    ).toMatch(/^model holds weights .*`arch: "lenet"`/);
    await failure("invalid-file", () => openModel(new Uint8Array([1, 2, 3]), { runtime }));
  });
});

describe("openModel of a path", () => {
  it("takes the same options", async () => {
    const other = { ...runtime, name: "mine" };
    const model = await kept(openByPath("lenet-mnist", { runtime: other, name: "renamed" }));
    expect([model.name, model.runtime]).toEqual(["renamed", other]);
  });
});

describe("ortRuntime", () => {
  it("is named after the build it is given, on the CPU", async () => {
    const web = await import("onnxruntime-web/wasm");
    expect(runtime).toMatchObject({ name: expect.stringMatching(/^onnxruntime-node \d/), device: "cpu" });
    expect(ortRuntime(web)).toMatchObject({ name: expect.stringMatching(/^onnxruntime-web \d/), device: "cpu" });
    const { InferenceSession, Tensor } = native;
    expect(ortRuntime({ InferenceSession, Tensor }).name).toBe("onnxruntime");
    expect(ortRuntime(native, { name: "mine", device: "cuda" })).toMatchObject({ name: "mine", device: "cuda" });
  });
});
