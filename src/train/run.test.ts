import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { smallTraining, torchResult, torchWeights, withoutDropout } from "../../test/support/training.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { Optimizer, TrainState } from "../train.ts";
import { adam } from "./adam.ts";
import { train, weightsOf } from "./run.ts";
import { schedules } from "./schedule.ts";
import { sgd } from "./sgd.ts";

const furthest = (a: Float32Array, b: Float32Array): number => {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
};

/** To the last bit; `toEqual` takes a second for tens of thousands of elements. */
const same = (a: TrainState, b: TrainState): boolean => text(a) === text(b);
const text = (state: TrainState): string =>
  JSON.stringify(state, (_, value: unknown) =>
    value instanceof Float32Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")
      : value,
  );

/** θ ← θ - rate·g: shows the gradient. */
const plain = sgd({ momentum: 0 });

/** Steps from torch's weights on the first 8 images, all in one batch, without dropout. */
async function fromTorch(optimizer: Optimizer, rate: number, epochs: number): Promise<TrainState> {
  const zeros = Object.fromEntries(optimizer.state.map((name) => [name, new Float32Array(21840)]));
  const resume = {
    step: 0,
    vectors: { parameters: torchWeights(), ...zeros },
    score: { loss: 0, correct: 0, total: 0 },
    history: [],
  };
  const options = { architecture: withoutDropout, limit: 8, validation: 0, batch: 8, schedule: schedules.constant };
  return train(await smallTraining({ ...options, optimizer, rate, epochs, resume }));
}

describe("training steps equal torch's", () => {
  it("gives the gradient of the mean loss by every parameter", async () => {
    const { vectors } = await fromTorch(plain, 1, 1);
    // With momentum 0, the optimizer's vector is the gradient itself.
    expect(furthest(vectors["velocity"]!, torchResult("gradient"))).toBeLessThan(1e-6);
    expect(torchResult("gradient").some((value) => Math.abs(value) > 0.03)).toBe(true);
  });

  it("three steps of Adam", async () => {
    const { vectors } = await fromTorch(adam({ epsilon: 1e-3 }), 1e-3, 3);
    expect(furthest(vectors["parameters"]!, torchResult("adam"))).toBeLessThan(1e-6);
  });

  it("three steps of SGD with momentum and weight decay", async () => {
    const { vectors } = await fromTorch(sgd({ weightDecay: 0.01 }), 0.05, 3);
    expect(furthest(vectors["parameters"]!, torchResult("sgd"))).toBeLessThan(1e-6);
  });
});

describe("a training", () => {
  it("learns", async () => {
    const { history } = await train(await smallTraining({ epochs: 25, batch: 10, rate: 5e-3 }));
    expect(history).toHaveLength(25);
    expect(history[0]!.training.correct).toBeLessThan(30);
    expect(history[24]!.training.correct).toBeGreaterThan(60);
    expect(history[24]!.training.total).toBe(80);
    expect(history[24]!.validation).toMatchObject({ total: 20 });
    expect(history[24]!.validation!.correct).toBeGreaterThan(10);
  });

  it("is the same to the last bit with the same seed, and with any number of runtimes", async () => {
    const one = await train(await smallTraining());
    expect(same(await train(await smallTraining()), one)).toBe(true);
    const runtimes = [nodeRuntime("cpu", 1), nodeRuntime("cpu", 1), nodeRuntime("cpu", 1)] as const;
    expect(same(await train(await smallTraining({ runtimes })), one)).toBe(true);
    const other = await train(await smallTraining({ seed: 6 }));
    expect(same(other, one)).toBe(false);
  });

  it("stopped in mid-epoch and resumed, ends where it would have ended", async () => {
    const whole = await train(await smallTraining());
    const controller = new AbortController();
    const saved: TrainState[] = [];
    const options = await smallTraining({
      signal: controller.signal,
      save: async (state) => void saved.push(structuredClone(state)),
      // 12 steps an epoch: this is within the second.
      onProgress: ({ done }) => done > 110 && controller.abort(),
    });
    await failure("cancelled", () => train(options));
    expect(saved.map(({ step }) => step)).toEqual([12, 17]);
    expect(same(await train(await smallTraining({ resume: saved[1] })), whole)).toBe(true);
    expect(same(await train(await smallTraining({ resume: saved[0] })), whole)).toBe(true);
    expect(same(await train(await smallTraining({ resume: whole })), whole)).toBe(true);
  });

  it("tells its progress, in samples over all epochs", async () => {
    const seen: number[] = [];
    await train(await smallTraining({ epochs: 2, batch: 32, onProgress: ({ done, total }) => seen.push(done, total) }));
    expect(seen).toEqual([32, 160, 64, 160, 80, 160, 112, 160, 144, 160, 160, 160]);
  });

  it("names its weights", async () => {
    const options = await smallTraining({ epochs: 0 });
    const weights = weightsOf(options, await train(options));
    expect([...weights.keys()]).toEqual(Object.keys(options.architecture.parameters));
    expect(weights.get("fc1.weight")!.dims).toEqual([50, 320]);
  });

  it("refuses what cannot be", async () => {
    const nothing = await failure("usage", async () => train(await smallTraining({ validation: 100 })));
    expect(nothing.message).toContain("`validation`");
    const narrow = { ...withoutDropout, inputShape: [1, 14, 14] };
    await failure("mismatch", async () => train(await smallTraining({ architecture: narrow })));
    const diverged = await failure("runtime", async () =>
      train(await smallTraining({ optimizer: sgd(), rate: 1e30, schedule: schedules.constant })),
    );
    expect(diverged.message).toMatch(/`rate: [\d.e+]+`/);
  });
});
