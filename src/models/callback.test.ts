import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats } from "../../test/support/models.ts";
import type { FloatTensor } from "../tensor.ts";
import { type CallbackOptions, callbackModel } from "./callback.ts";

const x = floats([2, 3], [0, 0.1, 0.2, 0.3, 0.4, 0.5]);
const modelOf = (answer: unknown, options: Partial<CallbackOptions> = {}) =>
  callbackModel({ name: "m", inputShape: [3], classes: 2, ask: async () => answer as FloatTensor, ...options });

describe("callbackModel", () => {
  it("is a model of logits in [0, 1] by default", async () => {
    const model = modelOf(floats([2, 2], [1, 2, 3, 4]));
    expect(model).toMatchObject({ name: "m", inputShape: [3], classes: 2, head: "logits" });
    expect(model.bounds).toEqual({ lower: 0, upper: 1 });
    expect(model).not.toHaveProperty("gradient");
    expect(await model.logits(x)).toEqual(floats([2, 2], [1, 2, 3, 4]));
  });

  it("asks with the samples and their indices, and nothing for no samples", async () => {
    const asked: unknown[] = [];
    const ask = async (...given: unknown[]) => {
      asked.push(given);
      return floats([2, 2], [1, 2, 3, 4]);
    };
    await modelOf(undefined, { ask }).logits(x, Int32Array.of(7, 9));
    expect(asked).toEqual([[x, Int32Array.of(7, 9)]]);
    expect((await modelOf(undefined, { ask }).logits(floats([0, 3], []))).dims).toEqual([0, 2]);
    expect(asked).toHaveLength(1);
  });

  it("shares no array with the function", async () => {
    const mine = floats([2, 2], [1, 2, 3, 4]);
    const model = modelOf(undefined, {
      ask: async (given) => {
        given.data.fill(9);
        return mine;
      },
    });
    const before = x.data.slice();
    const logits = await model.logits(x);
    mine.data.fill(0);
    expect(x.data).toEqual(before);
    expect([...logits.data]).toEqual([1, 2, 3, 4]);
  });

  it.each(["softmax", "hidden"] as const)("takes the logarithm of probabilities: %s", async (head) => {
    const model = modelOf(floats([2, 2], [0.25, 0.75, 0, 1]), { head });
    expect(model.head).toBe("hidden");
    const { data } = await model.logits(x);
    expect([...data.subarray(0, 2)]).toEqual([Math.fround(Math.log(0.25)), Math.fround(Math.log(0.75))]);
    // As `logitsOf`: log(0 + 1e-37), which a slope can be taken of.
    expect(data[2]).toBeCloseTo(-85.2, 1);
    expect(data[3]).toBe(0);
  });

  it("passes log-probabilities on", async () => {
    const model = modelOf(floats([2, 2], [-1, -2, -3, -4]), { head: "log-softmax" });
    expect([model.head, ...(await model.logits(x)).data]).toEqual(["log-softmax", -1, -2, -3, -4]);
  });

  it.each(["logits", "softmax"] as const)("passes NaN on, which the evaluation reports: %s", async (head) => {
    const { data } = await modelOf(floats([2, 2], [Number.NaN, 0, 0.5, 0.5]), { head }).logits(x);
    expect(data.map(Number.isNaN as (v: number) => never)).toEqual(Float32Array.of(1, 0, 0, 0));
  });

  it.each<[string, unknown]>([
    ["[2,3] with 6 values", x],
    ["[1,2] with 2 values", floats([1, 2], [1, 2])],
    ["[2,2] with 3 values", { type: "float32", dims: [2, 2], data: new Float32Array(3) }],
    ["float64, which is no float32 tensor", { type: "float64", dims: [2, 2], data: new Float64Array(4) }],
    ["float32, which is no float32 tensor", { type: "float32", dims: [2, 2], data: [1, 2, 3, 4] }],
    ["object, which is no float32 tensor", [1, 2, 3, 4]],
    ["undefined, which is no float32 tensor", undefined],
    ["object, which is no float32 tensor", null],
  ])("refuses an answer of %s", async (got, answer) => {
    const { message } = await failure("mismatch", () => modelOf(answer).logits(x));
    expect(message).toContain(`m answered ${got}`.replace("answered [", "answered float32 ["));
    expect(message).toContain("allowed is float32 [2,2]");
  });

  it.each([-0.5, 1.5])("refuses %d where a probability was announced", async (value) => {
    const model = modelOf(floats([2, 2], [value, 0, 0.5, 0.5]), { head: "softmax" });
    expect((await failure("mismatch", () => model.logits(x))).message).toContain(String(value));
  });

  it("refuses samples of another shape", async () => {
    await failure("mismatch", () => modelOf(x).logits(floats([2, 1, 3], Array(6).fill(0))));
  });

  it.each<Partial<CallbackOptions>>([
    { inputShape: [0] },
    { inputShape: [1.5] },
    { classes: 1 },
    { classes: Number.NaN },
    { bounds: { lower: 1, upper: 1 } },
  ])("refuses %o", async (options) => {
    await failure("usage", () => modelOf(x, options));
  });
});
