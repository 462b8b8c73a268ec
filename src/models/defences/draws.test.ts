import { describe, expect, it } from "vitest";
import { arrayDataset, floats, graphOf, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { pgd } from "../../attacks/gradient/pgd.ts";
import { evaluate } from "../../evaluate/evaluation.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import type { FloatTensor } from "../../tensor.ts";
import { drawsOf } from "./draws.ts";
import { defend } from "./front.ts";

const runtime = nodeRuntime("cpu", 1);
const mirror = (shape: readonly number[]) => graphOf(shape, (b, x) => b.add("Identity", [x]));

/** A defence with its draws given. */
async function withDraws(text: string, x: FloatTensor, draws: FloatTensor): Promise<Float32Array> {
  const graph = defend(mirror(x.dims.slice(1)), { defences: [text] });
  const program = await runtime.load(drawsOf("test").open(writeOnnx(graph)));
  const [input] = program.inputs.filter((name) => name !== "x");
  const result = await program.run({ x, [input!]: draws });
  await program.release();
  return result[graph.outputs[0]!.name]!.data as Float32Array;
}

/** One picture [H, W] resized to [h, w] as torch.nn.functional.interpolate does (bilinear), at a place among zeros. */
function placed(x: Float32Array, [H, W]: number[], [h, w]: number[], [top, left]: number[]): number[] {
  const taps = (i: number, size: number, made: number) => {
    const at = Math.min(Math.max(((i + 0.5) * size) / made - 0.5, 0), size - 1);
    const low = Math.floor(at);
    return { low, high: Math.min(low + 1, size - 1), t: at - low };
  };
  return Array.from({ length: H! * W! }, (_, k) => {
    const [i, j] = [Math.floor(k / W!) - top!, (k % W!) - left!];
    if (i < 0 || j < 0 || i >= h! || j >= w!) return 0;
    const [r, c] = [taps(i, H!, h!), taps(j, W!, w!)];
    const at = (y: number, z: number) => x[y * W! + z]!;
    return (
      (1 - r.t) * ((1 - c.t) * at(r.low, c.low) + c.t * at(r.low, c.high)) +
      r.t * ((1 - c.t) * at(r.high, c.low) + c.t * at(r.high, c.high))
    );
  });
}

describe("defences that draw", () => {
  it("resizes and pads as loops do, for each sample by its own draws", async () => {
    const [H, W] = [10, 14];
    const x = floats([4, 1, H, W], numbers(4 * H * W, 1, 0, 1));
    const draws = floats([4, 3], [0, 0.6, 0.2, 0.999, 0.5, 0.5, 0.4, 0, 0.999, 0.6, 0.999, 0]);
    const made = await withDraws("resize-pad:50", x, draws);
    for (let n = 0; n < 4; n++) {
      const [size, down, across] = [...draws.data.subarray(3 * n, 3 * n + 3)];
      const h = Math.floor(5 + size! * 6);
      const w = Math.floor((h * W) / H + 0.5);
      const place = [Math.floor(down! * (H + 1 - h)), Math.floor(across! * (W + 1 - w))];
      const expected = placed(x.data.subarray(n * H * W, (n + 1) * H * W), [H, W], [h, w], place);
      for (const [k, v] of expected.entries()) expect(Math.abs(made[n * H * W + k]! - v)).toBeLessThan(1e-5);
    }
  });

  it("adds noise of its standard deviation", async () => {
    const x = floats([2, 7], numbers(14, 2, 0, 1));
    const z = floats([2, 7], numbers(14, 3, -2, 2));
    const made = await withDraws("noise:0.25", x, z);
    for (const [i, v] of made.entries()) expect(Math.abs(v - x.data[i]! - 0.25 * z.data[i]!)).toBeLessThan(1e-6);
    // As it ships, it draws by itself.
    const graph = defend(mirror([2000]), { defences: ["noise:0.25"] });
    const program = await runtime.load(writeOnnx(graph));
    const still = floats([1, 2000], new Float32Array(2000));
    const [one, other] = [await program.run({ x: still }), await program.run({ x: still })].map(
      (result) => result[graph.outputs[0]!.name]!.data as Float32Array,
    );
    expect(Math.sqrt(one!.reduce((sum, v) => sum + v * v, 0) / 2000)).toBeCloseTo(0.25, 1);
    expect(one).not.toEqual(other);
    await program.release();
  });

  it.each(["noise:0.3", "resize-pad:60"])("%s: draws are those of a seed, a sample and its query", async (text) => {
    const x = floats([3, 1, 8, 8], numbers(192, 4, 0, 1));
    await using(open(defend(smallNetwork([1, 8, 8], 3), { defences: [text] })), async (model) => {
      const all = Int32Array.of(5, 6, 7);
      const ask = async (seed: number) => {
        model.draw!(seed);
        return [await model.logits(x, all), await model.logits(x, all)].map(({ data }) => [...data]);
      };
      const [first, second] = await ask(1);
      expect(first).not.toEqual(second);
      expect(await ask(1)).toEqual([first, second]);
      expect((await ask(2))[0]).not.toEqual(first);
      model.draw!(1);
      const alone = await model.logits({ ...x, dims: [1, 1, 8, 8], data: x.data.slice(128) }, Int32Array.of(7));
      for (const [k, v] of alone.data.entries()) expect(Math.abs(v - first![6 + k]!)).toBeLessThan(1e-5);
      // A gradient is a query as well, and comes with the logits of its own draws.
      model.draw!(1);
      const { logits } = await model.gradient(
        x,
        { kind: "untargeted", labels: Int32Array.of(0, 1, 2) },
        "cross-entropy",
        all,
      );
      for (const [k, v] of logits.data.entries()) expect(Math.abs(v - first![k]!)).toBeLessThan(1e-5);
    });
  });

  it("are evaluated over 20 draws by default, with a result that no batch size changes", async () => {
    const x = floats([12, 1, 8, 8], numbers(12 * 64, 5, 0, 1));
    const network = smallNetwork([1, 8, 8], 3);
    const labels = await using(open(network), async (bare) => {
      const { data } = await bare.logits(x);
      return Array.from(
        { length: 12 },
        (_, i) => [0, 1, 2].toSorted((a, b) => data[3 * i + b]! - data[3 * i + a]!)[0]!,
      );
    });
    await using(open(defend(network, { defences: ["noise:0.05"] })), async (model) => {
      const options = { attacks: [pgd.with({ steps: 3 })], epsilons: [0.02, 0.1], followUp: false };
      const run = async (more: { batch?: number; seed?: number }) => {
        const { evaluation, records } = await evaluate(model, arrayDataset(x, labels, 3), { ...options, ...more });
        return {
          evaluation,
          told: records!.map(({ margin, outcome, prediction }) => [margin.toFixed(4), outcome, prediction]),
        };
      };
      const [one, other] = [await run({ batch: 12 }), await run({ batch: 5 })];
      expect(one.evaluation.options.eot).toBe(20);
      expect(one.evaluation.defence).toMatchObject({ names: ["noise:0.05"], undefended: { correct: 12 } });
      expect(one.evaluation.warnings.find(({ code }) => code === "defence")!.message).toContain(
        "averaged over its draws (EoT)",
      );
      expect(other.told).toEqual(one.told);
      expect(other.evaluation.defence).toEqual(one.evaluation.defence);
      expect((await run({ batch: 5, seed: 1 })).told).not.toEqual(one.told);
    });
  });
});
