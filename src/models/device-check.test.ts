import { expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { floats, numbers, open, smallNetwork, using } from "../../test/support/models.ts";
import { attacks } from "../attacks/index.ts";
import { datasetOf } from "../datasets/in-memory.ts";
import { evaluate } from "../evaluate/evaluation.ts";
import { nodeRuntime } from "../runtime/ort.node.ts";
import type { Runtime } from "../runtime.ts";
import { openClassifier } from "./classifier/graph-model.ts";
import { checkedOnDevice } from "./device-check.ts";

const SHAPE = [1, 4, 4];
const cpu = nodeRuntime("cpu", 1);

/** A device that computes some output wrong, and says nothing. */
const wrongIn = (output: string, wrong: (v: number) => number): Runtime => ({
  name: "test",
  device: "webgpu",
  async load(...given) {
    const program = await cpu.load(...given);
    return {
      ...program,
      async run(feeds, fetches) {
        const results = await program.run(feeds, fetches);
        const found = results[output];
        return found
          ? { ...results, [output]: { ...found, data: Float32Array.from(found.data as Float32Array, wrong) } }
          : results;
      },
    } as typeof program;
  },
});

it.each([
  [
    "logits",
    (v: number) => v * 1.05,
    /webgpu computes the logits of .* wrong: on 4 random samples .* \(5\.0 % apart\)/,
  ],
  ["gradient", (v: number) => -v, /webgpu computes the gradient of .* \(2\.0e\+2 % apart\)/],
  ["gradient", () => Number.NaN, /not finite where the CPU's is/],
] as const)("a device whose %s are wrong is refused", async (output, wrong, message) => {
  await using(open(smallNetwork(SHAPE, 3)), async ({ file }) => {
    const error = await failure("device", () => checkedOnDevice(file, wrongIn(output, wrong), cpu));
    expect(error.message).toMatch(message);
    expect(error.message).toContain("Choose `device");
  });
});

it("a device within roundings is taken, and reports say how far it was apart", async () => {
  await using(open(smallNetwork(SHAPE, 3)), async ({ file }) => {
    const device = wrongIn("logits", (v) => v * (1 + 1e-4));
    await using(openClassifier(await checkedOnDevice(file, device, cpu), device), async (model) => {
      const x = numbers(2 * 16, 3, 0, 1);
      const data = datasetOf({ x: floats([2, ...SHAPE], x), labels: [0, 1] });
      const { evaluation } = await evaluate(model, data, { attacks: [attacks.fgsm], epsilons: [0.1] });
      expect(evaluation.warnings.find(({ code }) => code === "device-checked")?.message).toMatch(
        /^webgpu rounds otherwise than the CPU: on 4 random samples they differ in logits by 1\.0e-4, gradient by 0\.0e\+0 of their length\./,
      );
    });
  });
});
