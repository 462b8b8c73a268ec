import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, floats, graphOf, numbers, open, smallNetwork } from "../../../test/support/models.ts";
import { attacks } from "../../attacks/index.ts";
import { parseMemory } from "../../cli/options/values.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { footprintOf } from "../../models/classifier/footprint.ts";
import { batchWithin, MEMORY, threadsWithin } from "./memory.ts";
import { planOf } from "./plan.ts";

/** A network whose values at one sample take 4 · (3 + 3) · size² bytes, and next to no weights. */
const wide = (size: number) =>
  open(
    graphOf([3, size, size], (b, x) =>
      b.add("Flatten", [b.add("ReduceMax", [b.add("Relu", [b.mul(x, x)])], { axes: [2, 3] })], { axis: 1 }),
    ),
  );
const planFor = (classes: number) => planOf({ attacks: [attacks.fgsm], epsilons: [0.1] }, { name: "m", classes });

describe("the batch", () => {
  it("follows the size of a sample and of the network's values", async () => {
    const at = async (size: number, memory = MEMORY) => {
      const model = wide(size);
      const batch = batchWithin({ model, plan: planFor(3), total: 10_000, concurrency: 4, memory });
      await model.release();
      return batch;
    };
    expect(await at(28)).toBe(100);
    expect(await at(512)).toBeLessThan(60);
    expect(await at(1024)).toBe(4);
    expect(await at(1024, 8e9)).toBe(21);
    expect(await at(8192)).toBe(1);
    expect(await at(28, 1)).toBe(1);
  });

  it("is cut so that each has some, and threads fit too", () => {
    const model = open(smallNetwork([4], 3));
    expect(batchWithin({ model, plan: planFor(3), total: 10, concurrency: 4, memory: MEMORY })).toBe(3);
    const heavy = { sample: 35e6, thread: 500e6, once: 200e6 };
    expect(threadsWithin(2e9, 16, heavy)).toBe(2);
    expect(threadsWithin(16e9, 16, heavy)).toBe(16);
    expect(threadsWithin(1e9, 16, heavy)).toBe(1);
    expect(threadsWithin(2e9, 16, footprintOf(model.file, true))).toBe(16);
  });

  it("changes no result", async () => {
    const file = classifierFile(smallNetwork([1, 4, 4], 3), { name: "m" });
    const data = arrayDataset(
      floats([30, 1, 4, 4], numbers(480, 5, 0, 1)),
      Array.from({ length: 30 }, (_, i) => i % 3),
      3,
    );
    const given = { attacks: [attacks.pgd.with({ steps: 5 })], epsilons: [0.05, 0.2] };
    const [roomy, tight] = [await run(file, data, given), await run(file, data, { ...given, memory: 1e6 })];
    expect(tight.evaluation.options.batch).toBe(1);
    expect(roomy.evaluation.options.batch).toBe(30);
    const said = (result: typeof tight) => result.evaluation.warnings.find(({ code }) => code === "memory")?.message;
    expect(said(tight)).toMatch(/^The run takes more memory than 1 MB \(`memory`\): about 210 MB with one thread/);
    expect(said(roomy)).toBeUndefined();
    expect(said(await run(file, data, { ...given, memory: 500e6 }))).toBeUndefined();
    expect(tight.evaluation.worst).toEqual(roomy.evaluation.worst);
    expect((await failure("usage", () => run(file, data, { ...given, memory: 0 }))).message).toContain("`memory`");
  });

  it.each([
    ["500MB", 500e6],
    ["2GB", 2e9],
    [" 1.5 gb", 1.5e9],
  ])("%s are %d bytes", (text, bytes) => expect(parseMemory(text)).toBe(bytes));

  it.each(["2", "GB", "0GB", "-1GB", "2GiB"])("%s is no size", (text) =>
    expect(() => parseMemory(text)).toThrow(/Write 500MB/),
  );
});
