import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import type { HardenState } from "../harden.ts";
import { emptyGraph } from "../onnx/builder.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { Ops } from "../onnx/ops.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { randomFor } from "../random.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { tensor } from "../tensor.ts";
import { readHardening, writeHardening } from "./checkpoint.ts";
import { harden } from "./harden.ts";

const runtimes = [nodeRuntime("cpu", 1)] as const;
const random = randomFor(1, 0);
const EPSILON = 1e-5;

/**
 * BatchNormalization of the input's two channels, twice, and a layer: what the second one gets is known of the first. `isShared`: the second one has
 * the bias of the first for its mean.
 */
function network(isShared = false): Uint8Array {
  const b = new Ops(emptyGraph("net"));
  const image = b.input({ name: "image", type: "float32", dims: ["N", 2, 3, 3] });
  const of = (name: string, values: readonly number[]) =>
    b.parameter(name, tensor("float32", [values.length], Float32Array.from(values)));
  const norm = (name: string, x: string, scale: readonly number[], shift: readonly number[]) =>
    b.add(
      "BatchNormalization",
      [
        x,
        of(`${name}.scale`, scale),
        of(`${name}.shift`, shift),
        isShared && name === "two" ? "one.shift" : of(`${name}.mean`, [0, 0]),
        of(`${name}.var`, [1, 1]),
      ],
      { epsilon: { float: EPSILON } },
    );
  const first = norm("one", image, [2, -3], [0.5, 1]);
  const second = norm("two", first, [1, 1], [0, 0]);
  const weights = Float32Array.from({ length: 36 }, () => random.normal());
  return writeOnnx(b.finish([b.matmul(b.add("Flatten", [second], { axis: 1 }), b.parameter("weight", tensor("float32", [18, 2], weights)))])); // biome-ignore format: one call
}

const SIZE = 260;
const pixels = Float32Array.from(
  { length: SIZE * 18 },
  (_, i) => random.uniform() * (Math.floor(i / 9) % 2 === 0 ? 1 : 0.5),
);
const data = datasetOf({
  x: pixels,
  shape: [2, 3, 3],
  labels: Array.from({ length: SIZE }, (_, i) => i % 2),
  classes: 2,
});
const few = { epsilon: 0.1, epochs: 1, batch: 100, validation: 60, runtimes, batchNorm: "recalibrate" } as const;
const stored = (bytes: Uint8Array, name: string) =>
  [...readTensor(readOnnx(bytes).initializers.get(name)!).data].map(Number);

describe("statistics of BatchNormalization", () => {
  it("are those of the training data, layer by layer; nothing else changes but what is learned", async () => {
    const net = network();
    const { last, state } = await harden(net, data, { ...few, only: ["weight"] });
    expect(last.length).toBe(net.length);
    // Two batches of the same 100 samples each, whatever their order is: means of means and of variances.
    const [means, variances] = [stored(last, "one.mean"), stored(last, "one.var")];
    // Uniform numbers from 0 to 1, and to 0.5, 1800 of each.
    for (const [c, reach] of [1, 0.5].entries()) {
      expect(Math.abs(means[c]! - reach / 2)).toBeLessThan((4 * reach) / Math.sqrt(12 * 1800));
      expect(Math.abs(variances[c]! / (reach ** 2 / 12) - 1)).toBeLessThan(0.1);
    }
    // What the first one gives in a batch has the mean `shift`, and the variance scale²·v/(v + ε), over n - 1 with n = 900.
    const n = 900;
    expect(stored(last, "two.mean").map((v) => Math.round(1e5 * v) / 1e5)).toEqual([0.5, 1]);
    for (const [c, scale] of [2, -3].entries()) {
      const v = (variances[c]! * (n - 1)) / n;
      expect(stored(last, "two.var")[c]! / (((scale ** 2 * v) / (v + EPSILON)) * (n / (n - 1)))).toBeCloseTo(1, 5);
    }
    for (const name of ["one.scale", "one.shift", "two.scale"]) expect(stored(last, name)).toEqual(stored(net, name));
    expect(state.vectors["statistics"]).toHaveLength(8);
  });

  it("are the same when the training was stopped and resumed; with an average of the weights, too", async () => {
    const net = network();
    const options = { ...few, epochs: 2, ema: 0.8 };
    const whole = await harden(net, data, options);
    expect(whole.best).toBeGreaterThanOrEqual(0);
    const controller = new AbortController();
    let saved: HardenState | undefined;
    const stopping = {
      ...options,
      signal: controller.signal,
      onProgress: ({ done }: { readonly done: number }) => void (done > 250 && controller.abort()),
      save: async (state: HardenState) => {
        saved = state;
      },
    };
    await failure("cancelled", () => harden(net, data, stopping));
    const { state } = readHardening(writeHardening({ words: [], facts: {}, state: saved! }), "c");
    expect(state.step).toBe(3);
    const resumed = await harden(net, data, { ...options, resume: state });
    expect([resumed.last, resumed.model]).toEqual([whole.last, whole.model]);
    expect(resumed.history).toEqual(whole.history);
  });

  it("stay as they are unless they are asked for, and can be recomputed only where there are some", async () => {
    const net = network();
    const { last } = await harden(net, data, { ...few, batchNorm: "stored" });
    for (const name of ["one.mean", "one.var", "two.mean", "two.var"])
      expect(stored(last, name)).toEqual(stored(net, name));
    const lenet = new Uint8Array(readFileSync(new URL("../../models/lenet-mnist.onnx", import.meta.url)));
    const digits = datasetOf({ x: new Float32Array(SIZE * 784), shape: [1, 28, 28], labels: Array.from({ length: SIZE }, (_, i) => i % 10), classes: 10 }); // biome-ignore format: one call
    const error = await failure("unsupported", () => harden(lenet, digits, few));
    expect(error.message).toContain("has no BatchNormalization");
    const shared = await failure("unsupported", () => harden(network(true), data, few));
    expect(shared.message).toContain('"one.shift"');
    const { state } = await harden(net, data, few);
    await failure("mismatch", () => harden(net, data, { ...few, batchNorm: "stored", resume: state }));
  });
});
