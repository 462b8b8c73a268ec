import { describe, expect, it } from "vitest";
import { arrayDataset, dense, floats, graphOf, numbers, open, using } from "../../../test/support/models.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { evaluate } from "../../evaluate/evaluation.ts";
import { readOnnx, writeOnnx } from "../../onnx/file.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { findParameters } from "../parameters/find.ts";
import { type DefendOptions, defend } from "./front.ts";

const [channels, levels, side] = [3, 4, 5];
const area = side * side;
const mirror = (shape: readonly number[]) => graphOf(shape, (b, x) => b.add("Identity", [x]));
const weights = numbers(channels * levels * area * 3, 4);
const network = graphOf([channels * levels, side, side], (b, x) =>
  dense(b, b.add("Flatten", [x], { axis: 1 }), weights, [0, 0, 0]),
);
const x = floats(
  [5, channels, side, side],
  numbers(5 * channels * area, 6, 0, 1).map((v, i) => (i % 5 === 0 ? Math.round(v * 4) / 4 : v)),
);

describe("thermometer", () => {
  it.each([
    [{}, (v: number) => v],
    [{ bounds: { lower: 0, upper: 255 } }, (v: number) => 255 * v],
    [{ normalization: { mean: [0.5], std: [0.25] } }, (v: number) => (v - 0.5) / 0.25],
  ] as [Partial<DefendOptions>, (v: number) => number][])(
    "makes of each channel as many as it has levels, 1 above k/N and else 0 (Athalye et al. 2018), with %j",
    async (options, unit) => {
      const graph = defend(mirror([channels * levels, side, side]), { defences: ["thermometer:4"], ...options });
      const program = await nodeRuntime("cpu", 1).load(writeOnnx(graph));
      const result = await program.run({ x: { ...x, data: x.data.map(unit) } });
      await program.release();
      const { data, dims } = result[graph.outputs[0]!.name]!;
      expect(dims).toEqual([5, channels * levels, side, side]);
      for (const [i, value] of (data as Float32Array).entries()) {
        const [n, channel, at] = [Math.floor(i / (12 * area)), Math.floor(i / area) % 12, i % area];
        const [c, k] = [Math.floor(channel / levels), channel % levels];
        expect(value).toBe(Number(x.data[(3 * n + c) * area + at]! > k / levels));
      }
    },
  );

  it("passes the gradient of clip(x - k/N, 0, 1), by which it was broken", async () => {
    await using(open(defend(network, { defences: ["thermometer:4"] })), async (model) => {
      expect(model.inputShape).toEqual([channels, side, side]);
      expect(model.file.defence).toEqual({
        names: ["thermometer:4"],
        isRandom: false,
        encodes: true,
        straightThrough: 1,
      });
      const inside = { ...x, data: x.data.map((v) => (v * 4 === Math.round(v * 4) ? v + 0.01 * (v < 1 ? 1 : -1) : v)) };
      const labels = Int32Array.of(0, 1, 2, 0, 1);
      const { gradient } = await model.gradient(inside, { kind: "untargeted", labels }, "logit");
      for (const [i, value] of gradient.data.entries()) {
        const [n, c, at] = [Math.floor(i / (3 * area)), Math.floor(i / area) % 3, i % area];
        const wanted = Array.from({ length: levels }, (_, k) => k)
          .filter((k) => inside.data[i]! > k / levels)
          .reduce((sum, k) => sum + weights[((c * levels + k) * area + at) * 3 + labels[n]!]!, 0);
        expect(value).toBeCloseTo(wanted, 5);
      }
      expect(findParameters(readOnnx(model.file.onnx)).map(({ dims }) => dims)).toContainEqual([12 * area, 3]);
    });
  });

  it("is attacked, and the report says that its claim cannot be told", async () => {
    await using(open(defend(network, { defences: ["bits:6", "thermometer:4"] })), async (model) => {
      const z = (await model.logits(x)).data;
      const labels = Array.from({ length: 5 }, (_, i) =>
        [0, 1, 2].reduce((a, j) => (z[3 * i + j]! > z[3 * i + a]! ? j : a), 0),
      );
      const { evaluation } = await evaluate(model, arrayDataset(x, labels, 3), { attacks: [pgd], epsilons: [0.3] });
      expect(evaluation.clean.correct).toBe(5);
      expect(evaluation.worst[0]!.correct).toBeLessThan(3);
      expect(evaluation.defence).toBeUndefined();
      expect(evaluation.warnings.find(({ code }) => code === "defence")!.message).toMatch(
        /network: bits:6, then thermometer:4\. Attacks know it: .* 3 of its nodes.*claims cannot be told/,
      );
    });
  });

  it("refuses networks that do not take it, and another defence behind it", () => {
    const of = (shape: readonly number[], defences: readonly string[]) => () => defend(mirror(shape), { defences });
    expect(of([3, 8, 8], ["thermometer:4"])).toThrow(
      /4 channels of each, and the model takes samples of shape \[3, 8, 8\]/,
    );
    expect(of([8], ["thermometer:4"])).toThrow(/are no pictures/);
    expect(of([12, 8, 8], ["thermometer:4", "bits:3"])).toThrow(/it stands last, and once/);
    expect(of([48, 8, 8], ["thermometer:4", "thermometer:4"])).toThrow(/stands last, and once/);
    expect(of([12, 8, 8], ["thermometer:1"])).toThrow(/from 2 to 256/);
    const made = defend(mirror([12, 8, 8]), { defences: ["thermometer:4"] });
    expect(() => defend(made, { defences: ["thermometer:2"] })).toThrow(/stands last, and once/);
    expect(defend(made, { defences: ["bits:3"] }).inputs[0]!.dims).toEqual(["N", 3, 8, 8]);
  });
});
