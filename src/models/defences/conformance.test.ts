import { describe, expect, it } from "vitest";
import { floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { metadataOf } from "../../onnx/metadata.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { findParameters } from "../parameters/find.ts";
import { type DefendOptions, defend } from "./front.ts";
import { type DefenceName, defences } from "./index.ts";
import { DEFENCE_KEY, defencesOf, undefended } from "./recognise.ts";

const runtime = nodeRuntime("cpu", 1);

/** A network of which the output is the input, to see what a defence makes of samples. */
const mirror = (shape: readonly number[]) => graphOf(shape, (b, x) => b.named("mirror", "Identity", [x]));

async function made(shape: readonly number[], options: DefendOptions, x: FloatTensor): Promise<FloatTensor> {
  const graph = defend(mirror(shape), options);
  const program = await runtime.load(writeOnnx(graph));
  const result = await program.run({ x });
  await program.release();
  return result[graph.outputs[0]!.name] as FloatTensor;
}

/** Waves and noise, as bytes of a picture are, from 0 to 1. */
const picture = (shape: readonly number[], n = 2): FloatTensor => {
  const noise = numbers(n * shape.reduce((a, b) => a * b), 3, -0.1, 0.1);
  const value = (v: number, i: number) =>
    Math.min(1, Math.max(0, Math.round(255 * (0.5 + 0.4 * Math.sin(i / 9) + v)) / 255));
  return floats([n, ...shape], noise.map(value));
};

/** What encodes has a test of its own. */
const keeping = (Object.keys(defences) as DefenceName[]).filter((name) => name !== "thermometer");

describe.each(keeping)("the defence %s", (name) => {
  const { number, isRandom } = defences[name];

  it.each([[[1, 28, 28]], [[3, 17, 21]], [[21, 17, 3]], [[9, 8]]])(
    "keeps shape and range of samples of %j, at its least number and by default",
    async (shape) => {
      const values = number.refuse ? [number.least] : [number.least, number.byDefault];
      for (const value of values) {
        const x = picture(shape);
        const y = await made(shape, { defences: [`${name}:${value}`] }, x);
        expect(y.dims).toEqual(x.dims);
        // Noise leads beyond.
        if (name === "noise") continue;
        expect(Math.min(...y.data)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...y.data)).toBeLessThanOrEqual(1);
      }
    },
  );

  it.skipIf(isRandom)("does to pixels in other units what it does to those from 0 to 1", async () => {
    const shape = [3, 16, 16];
    const x = picture(shape);
    const plain = await made(shape, { defences: [name] }, x);
    const [mean, std] = [
      [0.4, 0.5, 0.6],
      [0.2, 0.3, 0.25],
    ];
    const channel = (i: number) => Math.floor(i / 256) % 3;
    const there = floats(
      x.dims,
      x.data.map((v, i) => (v - mean[channel(i)]!) / std[channel(i)]!),
    );
    const back = await made(shape, { defences: [name], normalization: { mean, std } }, there);
    const bytes = await made(
      shape,
      { defences: [name], bounds: { lower: 0, upper: 255 } },
      floats(
        x.dims,
        x.data.map((v) => 255 * v),
      ),
    );
    for (const [i, v] of plain.data.entries()) {
      expect(Math.abs(back.data[i]! * std[channel(i)]! + mean[channel(i)]! - v)).toBeLessThan(1e-6);
      expect(Math.abs(bytes.data[i]! / 255 - v)).toBeLessThan(1e-6);
    }
  });

  it.skipIf(isRandom)("reverses the colours of a model that takes them so", async () => {
    const x = picture([3, 16, 16], 1);
    const turned = floats(
      x.dims,
      [2, 1, 0].flatMap((c) => [...x.data.subarray(256 * c, 256 * c + 256)]),
    );
    const plain = await made([3, 16, 16], { defences: [name] }, x);
    const bgr = await made(
      [3, 16, 16],
      { defences: [name], normalization: { mean: [0], std: [1], channels: "bgr" } },
      turned,
    );
    expect([2, 1, 0].flatMap((c) => [...bgr.data.subarray(256 * c, 256 * c + 256)])).toEqual([...plain.data]);
  });

  it("is recognised in the file and in its classifier, lets a gradient pass, and can be taken out again", async () => {
    const network = graphOf([1, 12, 12], (b, x) =>
      b.matmul(
        b.reshape(x, [-1, 144]),
        b.constant(
          floats(
            [144, 3],
            numbers(432, 5).map((_, i) => Math.sin(Math.floor(i / 36) / 3 + 2 * (i % 3))),
          ),
        ),
      ),
    );
    const bytes = writeOnnx(defend(network, { defences: [name] }));
    const text = `${name}:${number.byDefault}`;
    const graph = readOnnx(bytes);
    expect(metadataOf(graph, DEFENCE_KEY)).toBe(text);
    expect(defencesOf(graph)?.names).toEqual([text]);
    expect(undefended(graph).nodes.map(({ op }) => op)).toEqual(["Identity", ...network.nodes.map(({ op }) => op)]);
    await using(open(graph), async (model) => {
      expect(model.file.defence?.names).toEqual([text]);
      expect(model.file.straightThrough).toBe(0);
      expect(model.file.parameters).toBe(432);
      expect(findParameters(readOnnx(model.file.onnx)).map(({ dims }) => dims)).toEqual([[144, 3]]);
      const x = picture([1, 12, 12], 4);
      const labels = Int32Array.of(0, 1, 2, 0);
      const { gradient } = await model.gradient(x, { kind: "untargeted", labels });
      const bare = await (await model.undefended!()).gradient(x, { kind: "untargeted", labels });
      // It points where that of the network alone points.
      for (let n = 0; n < 4; n++) {
        const [a, b] = [gradient, bare.gradient].map((g) => g.data.subarray(144 * n, 144 * (n + 1)));
        const dot = (u: Float32Array, v: Float32Array) => u.reduce((sum, value, i) => sum + value * v[i]!, 0);
        expect(dot(a!, b!) / Math.sqrt(dot(a!, a!) * dot(b!, b!))).toBeGreaterThan(0.3);
      }
    });
  });
});

describe("defend", () => {
  it("keeps inputs, outputs, weights and what the file says, and names defences from the first that samples meet", () => {
    const network = graphOf([1, 8, 8], (b, x) => b.add("Flatten", [x], { axis: 1 }));
    const once = readOnnx(writeOnnx(defend(network, { defences: ["bits:3"] })));
    const twice = readOnnx(writeOnnx(defend(once, { defences: ["median", "jpeg:50"] })));
    expect(metadataOf(twice, DEFENCE_KEY)).toBe("median:3,jpeg:50,bits:3");
    expect(defencesOf(twice)?.names).toEqual(["median:3", "jpeg:50", "bits:3"]);
    expect(twice.inputs).toEqual(network.inputs);
    expect(twice.outputs).toEqual(once.outputs);
    expect(undefended(twice).nodes.map(({ op }) => op)).toEqual(["Identity", "Identity", "Identity", "Flatten"]);
  });

  it("takes float16, and a batch that is fixed", async () => {
    const graph = graphOf(
      [1, 8, 8],
      (b, x) => b.cast(b.add("Flatten", [b.cast(x, "float16")], { axis: 1 }), "float32"),
      2,
    );
    const x = picture([1, 8, 8]);
    await using(open(defend(graph, { defences: ["bits:8", "jpeg:90"] })), async (model) => {
      expect((await model.logits(x)).dims).toEqual([2, 64]);
    });
  });

  it.each([
    ["jpg:75", /no defence named "jpg"\. Known: .*Did you mean jpeg/],
    ["jpeg:0", /jpeg takes a number from 1 to 100, the quality, from 1 to 100; got "jpeg:0"/],
    ["jpeg:7.5", /jpeg takes a whole number from 1 to 100/],
    ["jpeg:", /got "jpeg:"/],
    ["jpeg:75:1", /got "jpeg:75:1"/],
    ["median:4", /median takes an odd number from 3 to 7/],
    ["", /no defence named ""/],
  ])("refuses %j", (text, message) => {
    expect(() => defend(mirror([1, 8, 8]), { defences: [text] })).toThrow(message);
  });

  it("refuses what it cannot stand in front of", () => {
    const of = (shape: readonly number[], options: Partial<DefendOptions> = {}) =>
      defend(mirror(shape), { defences: ["jpeg"], ...options });
    expect(() => of([1, 8, 8], { defences: [] })).toThrow(/Name at least one defence/);
    expect(() => of([20])).toThrow(/jpeg is for pictures, .* takes samples of shape \[20\]/);
    expect(() => of([4, 8, 8])).toThrow(/1 or 3 channels, and the model takes 4/);
    expect(() => of([1, 2, 9], { defences: ["median:7"] })).toThrow(/2 x 9 is smaller than the square/);
    expect(() => of([1, 8, 8], { input: "pixels" })).toThrow(/no input "pixels": "x"/);
    expect(() => of([1, 8, 8], { shape: [1, 9, 9] })).toThrow(/\[1,9,9\] do not fit/);
    expect(() => of([1, 8, 8], { bounds: { lower: 1, upper: 1 } })).toThrow(/must rise/);
    expect(() => of([3, 8, 8], { normalization: { mean: [1, 2], std: [1] } })).toThrow(
      /has 2 values, and the model has 3 channels/,
    );
    const old = { ...mirror([1, 8, 8]), opsets: new Map([["", 9]]) };
    expect(() => defend(old, { defences: ["jpeg"] })).toThrow(/uses opset 9, and defences need 11/);
    const bytes = { ...mirror([1, 8, 8]), inputs: [{ name: "x", type: "uint8" as const, dims: ["N", 1, 8, 8] }] };
    expect(() => defend(bytes, { defences: ["jpeg"] })).toThrow(/takes uint8, and defences are for real numbers/);
  });
});
