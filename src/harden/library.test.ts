import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { awp, crownIbp, gaussian, harden, nFgsm, pgd, sabr, smoothAdv, standard, trades } from "../exports/train.ts";
import { configuredMethod } from "../harden.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import { freeNames, renameValues } from "../onnx/rewrite.ts";
import { readTensor } from "../onnx/tensor-proto.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";

const bytes = new Uint8Array(readFileSync(new URL("../../models/lenet-mnist.onnx", import.meta.url)));
const runtimes = [nodeRuntime("cpu", 1)] as const;
const size = 120;
const dark = (shape: readonly number[], labels = (i: number) => i % 10, classes = 10) =>
  datasetOf({
    x: new Float32Array(size * 784).map((_, i) => (i % 13) / 13),
    shape,
    labels: Array.from({ length: size }, (_, i) => labels(i)),
    classes,
  });
const few = { epsilon: 0.1, runtimes, epochs: 1, validation: 50, batch: 50 };

describe("harden", () => {
  it("gives the same file with other weights, and says how good each epoch was", async () => {
    const method = pgd.with({ steps: 2 });
    const { model, history, best, parameters } = await harden(bytes, dark([1, 28, 28]), { ...few, method });
    expect(model.length).toBe(bytes.length);
    expect(history.map(({ epoch, validation }) => [epoch, validation.total])).toEqual([
      [0, 50],
      [1, 50],
    ]);
    expect(history.map(({ epoch }) => epoch)).toContain(best);
    expect(parameters.map(({ name }) => name)).toContain("fc2.weight");
  });

  it("trains under noise in L2, on several points a sample, and counts what holds under it", async () => {
    const seen: number[] = [];
    const { history, state } = await harden(bytes, dark([1, 28, 28]), {
      ...few,
      method: smoothAdv.with({ draws: 3, steps: 1 }),
      onProgress: ({ done, total }) => void seen.push(done / total),
    });
    expect(seen).toEqual([50 / 70, 1]);
    expect(history[1]!.training!.total).toBe(3 * 70);
    expect(history[1]!.validation.smoothed).toBeGreaterThanOrEqual(0);
    expect(state.step).toBe(2);
  });

  it("sees data in the shape of the network, and gives the file back without epochs", async () => {
    const { model } = await harden(bytes, dark([784]), { ...few, epochs: 0 });
    expect(Buffer.compare(model, bytes)).toBe(0);
  });

  it("trains weights that are called as perturb calls its own values", async () => {
    const graph = readOnnx(bytes);
    const names = ["x", "labels", "targets", "logits", "loss", "gradient"];
    const taken = new Map([...graph.initializers.keys()].slice(0, 6).map((name, i) => [name, names[i]!] as const));
    const renamed = writeOnnx(renameValues(freeNames(graph, names), taken));
    const data = dark([1, 28, 28]);
    const [plain, other] = [await harden(bytes, data, few), await harden(renamed, data, few)];
    expect(other.parameters.map(({ name }) => name)).toEqual(
      plain.parameters.map(({ name }) => taken.get(name) ?? name),
    );
    expect(other.others).toEqual([]);
    expect(other.state.vectors["parameters"]).toEqual(plain.state.vectors["parameters"]);
    const [before, after] = [readOnnx(bytes), readOnnx(other.last)];
    for (const [name, called] of taken)
      expect(readTensor(after.initializers.get(called)!)).not.toEqual(readTensor(before.initializers.get(name)!));
  });

  it("compiles with what fits together alone, and refuses the rest", async () => {
    const data = dark([1, 28, 28]);
    // @ts-expect-error: N-FGSM is defined in L∞ alone.
    await failure("usage", () => harden(bytes, data, { ...few, method: nFgsm, norm: "l2" }));
    // @ts-expect-error: nor are proofs by boxes.
    await failure("usage", () => harden(bytes, data, { ...few, method: crownIbp, norm: "l2" }));
    // @ts-expect-error: smoothing is proven in L2.
    await failure("usage", () => harden(bytes, data, { ...few, method: gaussian, norm: "linf" }));
    await failure("usage", () => harden(bytes, data, { ...few, method: gaussian.with({ sigma: 0 }) }));
    await failure("usage", () => harden(bytes, data, { ...few, method: sabr.with({ box: 1.5 }) }));
    await failure("usage", () => harden(bytes, data, { ...few, method: pgd.with({ ramp: 2 }) }));
    await failure("usage", () => harden(bytes, data, { ...few, method: crownIbp.with({ beta: -1 }) }));
    // @ts-expect-error: it has no noise.
    await failure("usage", async () => sabr.with({ sigma: 1 }));
    // @ts-expect-error: nor is there training in L0.
    await failure("usage", () => harden(bytes, data, { ...few, method: pgd, norm: "l0" }));
    // @ts-expect-error: it has no such option.
    await failure("usage", async () => pgd.with({ beta: 3 }));
    // @ts-expect-error: nor one of this kind.
    await failure("usage", async () => trades.with({ beta: "6" }));
    // @ts-expect-error: it has no attack, and no steps.
    await failure("usage", async () => standard.with({ steps: 3 }));
    await failure("usage", () => harden(bytes, data, { ...few, method: standard.with({ labelSmoothing: 1 }) }));
    // @ts-expect-error: a model is bytes, not a path.
    await failure("usage", () => harden("net.onnx", data, few));
    await failure("usage", () => harden(bytes, data, { ...few, epsilon: 0 }));
    // @ts-expect-error: somebody has to run it.
    await failure("usage", () => harden(bytes, data, { ...few, runtimes: [] }));
    await failure("mismatch", () =>
      harden(
        bytes,
        dark([1, 28, 28], (i) => i % 11, 11),
        few,
      ),
    );
    const { message } = await failure("usage", () => harden(bytes, data, { ...few, validation: 100 }));
    expect(message).toMatch(/has 120 samples; of these, 100/);
    const limited = await failure("usage", () => harden(bytes, data, { ...few, limit: 90 }));
    expect(limited.message).toMatch(/^90 of the 120 samples of .* are taken \(`limit: 90`\); of these, 50/);
    expect(configuredMethod(awp, { gamma: 0.1 }).options).toMatchObject({ gamma: 0.1, steps: 7 });
  });
});
