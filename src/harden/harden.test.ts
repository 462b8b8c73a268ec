import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { configuredMethod, type HardenState } from "../harden.ts";
import { graphIn, modelFrom } from "../models/open.ts";
import { withValues } from "../models/parameters/write.ts";
import { randomFor } from "../random.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import { optimizers } from "../train/index.ts";
import { schedules } from "../train/schedule.ts";
import { parameterViews } from "../train/vector.ts";
import { averaged } from "./average.ts";
import { readHardening, writeHardening } from "./checkpoint.ts";
import { isBetter, isOverfitted } from "./guard.ts";
import { type MethodName, methods } from "./methods/index.ts";
import { newValues, openNetwork } from "./network.ts";
import type { Hardening } from "./options.ts";
import { openPart } from "./part.ts";
import { runHardening } from "./run.ts";
import { split } from "./split.ts";

const bytes = new Uint8Array(readFileSync(new URL("../../models/lenet-mnist.onnx", import.meta.url)));
const opened = await graphIn(bytes, "lenet");
const file = modelFrom(opened, { shape: [1, 28, 28] });
const runtime = nodeRuntime("cpu", 1);
const random = randomFor(0, 0);
const size = 220;
const data = datasetOf({
  x: Float32Array.from({ length: size * 784 }, () => random.uniform()),
  shape: [1, 28, 28],
  labels: Array.from({ length: size }, (_, i) => i % 10),
  classes: 10,
});

const options = (change: Partial<Hardening> = {}): Hardening => ({
  file,
  bytes,
  data,
  method: configuredMethod(methods["fgsm-rs"]),
  norm: "linf",
  epsilon: 0.1,
  optimizer: optimizers.adam.make({}),
  rate: 1e-3,
  schedule: schedules.constant,
  epochs: 2,
  batch: 64,
  validation: 50,
  seed: 0,
  runtimes: [runtime],
  ...change,
});

describe("harden", () => {
  it("without steps gives the file as it is", async () => {
    const { model, last } = await runHardening(options({ epochs: 0 }));
    expect([Buffer.compare(model, bytes), Buffer.compare(last, bytes)]).toEqual([0, 0]);
  });

  it("gives the same bytes on one runtime and on two, and when it was stopped and resumed from its checkpoint", async () => {
    const more = { ema: 0.9, augment: { flip: true, shift: 2 } };
    const whole = await runHardening(options(more));
    expect(Buffer.compare(whole.last, bytes)).not.toBe(0);
    expect((await runHardening(options({ ...more, runtimes: [runtime, runtime] }))).last).toEqual(whole.last);
    const controller = new AbortController();
    let saved: HardenState | undefined;
    const stopping = options({
      ...more,
      signal: controller.signal,
      onProgress: ({ done }) => void (done > 200 && controller.abort()),
      save: async (state) => {
        saved = state;
      },
    });
    await failure("cancelled", () => runHardening(stopping));
    expect(saved!.step % 3).not.toBe(0);
    const checkpoint = { words: ["harden"], facts: { seed: 0 }, state: saved! };
    const { state } = readHardening(writeHardening(checkpoint), "c");
    expect(state).toEqual(saved);
    const resumed = await runHardening(options({ ...more, resume: state }));
    expect(resumed.last).toEqual(whole.last);
    expect(resumed.model).toEqual(whole.model);
    expect(resumed.state.history).toEqual(whole.state.history);
    // A mean, of labels that nothing tells.
    const { loss, total } = whole.state.history[2]!.training!;
    expect(loss).toBeGreaterThan(1.5);
    expect(loss).toBeLessThan(10);
    expect(total).toBe(170);
  });

  it("gives the average of the weights, of which the step is that of the weights themselves", async () => {
    const { last, state, network } = await runHardening(options({ ema: 0.9, epochs: 1 }));
    const plain = await runHardening(options({ epochs: 1 }));
    expect(state.vectors["parameters"]).toEqual(plain.state.vectors["parameters"]);
    expect(last).toEqual(withValues(bytes, newValues(network, { parameters: state.vectors["average"]! }), "m"));
    // After 3 steps, 2/11, 3/12 and 4/13 of it stay.
    const steps = [1, 2, 3].map((at) => ({ parameters: Float32Array.of(at) }));
    let vectors: HardenState["vectors"] = { parameters: Float32Array.of(0), average: Float32Array.of(0) };
    for (const [t, next] of steps.entries()) vectors = averaged(vectors, next, 0.9, t + 1);
    const [a, b, c] = [2 / 11, 3 / 12, 4 / 13];
    const expected = c * (b * (1 - a) + 2 * (1 - b)) + 3 * (1 - c);
    expect(vectors["average"]![0]).toBeCloseTo(expected, 6);
    await failure("usage", () => runHardening(options({ ema: 1 })));
    await failure("mismatch", () => runHardening(options({ ema: 0.9, resume: plain.state })));
  });

  it("changes only the parameters that it may", async () => {
    const { state, network } = await runHardening(options({ only: ["fc2.bias"], epochs: 1 }));
    expect(Object.keys(parameterViews(network.shapes, state.vectors["parameters"]!))).toEqual(["fc2.bias"]);
  });

  it("refuses before the first step what cannot be", async () => {
    for (const change of [{ epsilon: 0 }, { epsilon: 1 }, { validation: 49 }, { validation: 150 }, { rate: 0 }])
      await failure("usage", () => runHardening(options(change)));
    await failure("usage", () => runHardening(options({ method: configuredMethod(methods["n-fgsm"]), norm: "l2" })));
    await failure("usage", () => configuredMethod(methods.pgd, { stps: 3 }));
    await failure("mismatch", () => runHardening(options({ data: { ...data, classes: 11 } })));
  });

  it("stops at the last good step where the loss is no number, and saves it", async () => {
    let saved: HardenState | undefined;
    const error = await failure("runtime", () =>
      runHardening(
        options({
          rate: 1e30,
          epochs: 3,
          save: async (state) => {
            saved = state;
          },
        }),
      ),
    );
    expect(error.message).toContain("learning rate");
    expect(saved!.vectors["parameters"]!.every(Number.isFinite)).toBe(true);
  });
});

describe("the gradient of every method's loss", () => {
  it.each(Object.keys(methods) as MethodName[])("of %s is that of finite differences", async (name) => {
    const method = configuredMethod(methods[name]);
    const network = openNetwork(file, bytes, { only: ["fc2.*"] });
    const part = await openPart(network, method, runtime);
    // Two or three points of each sample, for some.
    const n = 6;
    const x = {
      type: "float32",
      dims: [n, 1, 28, 28],
      data: Float32Array.from({ length: n * 784 }, () => random.uniform()),
    } as const;
    const adversarial = { ...x, data: x.data.map((v) => Math.min(1, v + 0.05 * random.uniform())) };
    const points = { x, adversarial, labels: Int32Array.from({ length: n }, (_, i) => i % 10) };
    const at = (vector: Float32Array) =>
      part.step(parameterViews(network.shapes, vector), points, { radius: 0.001, kappa: 0.3, beta: 0.4 });
    const { gradient } = await at(network.initial);
    const scale = Math.max(...gradient.map(Math.abs));
    for (let k = 0; k < 12; k++) {
      const i = random.integer(gradient.length);
      const moved = async (by: number) => (await at(network.initial.map((v, j) => (j === i ? v + by : v)))).score.loss;
      const h = method.method.certifies ? 1e-3 : 1e-2;
      const [below, here, above] = [await moved(-h), await moved(0), await moved(h)];
      const differences = [(above - below) / (2 * h)];
      // Bounds bend where two rows of a matrix are equal: then the gradient is that of one side.
      if (method.method.certifies) differences.push((above - here) / h, (here - below) / h);
      const off = Math.min(...differences.map((difference) => Math.abs(difference - gradient[i]!)));
      expect(off / scale).toBeLessThan(5e-3);
    }
    await part.release();
  });
});

it("catastrophic overfitting: PGD falls far, and FGSM does not see it", () => {
  const best = { total: 100, clean: 98, fgsm: 80, pgd: 75 };
  expect(isOverfitted({ ...best, fgsm: 95, pgd: 10 }, best)).toBe(true);
  expect(isOverfitted({ ...best, fgsm: 60, pgd: 50 }, best)).toBe(false);
  expect(isOverfitted({ ...best, fgsm: 90, pgd: 74 }, best)).toBe(false);
});

it("an epoch is better with more certified samples, and with as many by PGD", () => {
  const best = { total: 100, clean: 98, fgsm: 80, pgd: 75 };
  expect(isBetter({ ...best, pgd: 76 }, best)).toBe(true);
  expect(isBetter(best, best)).toBe(false);
  expect(isBetter({ ...best, pgd: 60, certified: 5 }, { ...best, certified: 4 })).toBe(true);
  expect(isBetter({ ...best, pgd: 90, certified: 3 }, { ...best, certified: 4 })).toBe(false);
  expect(isBetter({ ...best, pgd: 76, certified: 4 }, { ...best, certified: 4 })).toBe(true);
});

it("no sample is in two parts of a split", () => {
  const parts = split(data, { validation: 50, test: 30, seed: 1 });
  expect([parts.training.length, parts.validation.length, parts.test.length]).toEqual([140, 50, 30]);
  expect(new Set([...parts.training, ...parts.validation, ...parts.test]).size).toBe(size);
});
