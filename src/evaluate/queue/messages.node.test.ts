import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import { withExternalData } from "../../../test/support/external.ts";
import { floats, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { attacks } from "../../attacks/index.ts";
import { PerturbError } from "../../errors.ts";
import { writeOnnx } from "../../onnx/file.ts";
import { evaluateBatch } from "../course/batch.ts";
import { planOf } from "../course/plan.ts";
import { planMessage } from "../places/work.ts";
import { emptyShelves } from "../state/encode.ts";
import { countsOf } from "../state/extent.ts";
import {
  answerText,
  batchBytes,
  batchIn,
  failureIn,
  failureText,
  setupBytes,
  setupIn,
  tallyReader,
} from "./messages.node.ts";

const SHAPE = [1, 4, 4];
const folder = mkdtempSync(join(tmpdir(), "perturb-queue-"));
afterAll(() => rmSync(folder, { recursive: true }));

const batch = {
  indices: Int32Array.from({ length: 9 }, (_, i) => i),
  x: floats([9, ...SHAPE], numbers(9 * 16, 5, 0, 1)),
  labels: Int32Array.from({ length: 9 }, (_, i) => i % 3),
};

describe("what goes through a queue", () => {
  it("is the same on the other side", async () => {
    await using(open(smallNetwork(SHAPE, 3)), async (model) => {
      const plan = planOf({ attacks: [attacks.pgd, attacks.fgsm], epsilons: [0.1, 0.3] }, model);
      expect(batchIn(batchBytes(batch))).toEqual(batch);
      const setup = { file: model.file, plan: planMessage(plan), device: "cpu" as const };
      expect(await setupIn(await setupBytes(setup))).toEqual({ ...setup, surrogate: undefined });
      const tally = await evaluateBatch(model, batch, plan);
      expect(tally.points[1]!.examples.length).toBeGreaterThan(0);
      const counts = countsOf(model, plan);
      const tallyIn = tallyReader(counts);
      expect(tallyIn(answerText(tally, emptyShelves(counts.points)), batch)).toEqual(tally);
      // Where the report has its examples, no pixels travel.
      const bare = answerText(tally, emptyShelves(counts.points).fill(5));
      expect(bare).not.toContain("\n");
      expect(tallyIn(bare, batch)).toMatchObject({ total: 9, cleanExamples: [], records: tally.records });
    });
  });

  it("is refused where it is no answer about these samples", async () => {
    await using(open(smallNetwork(SHAPE, 3)), async (model) => {
      const plan = planOf({ attacks: [attacks.fgsm], epsilons: [0.3] }, model);
      const counts = countsOf(model, plan);
      const tallyIn = tallyReader(counts);
      const text = answerText(await evaluateBatch(model, batch, plan), emptyShelves(counts.points));
      const lines = text.split("\n");
      for (const other of [
        "",
        "[",
        "{}",
        "null",
        lines.slice(1).join("\n"),
        lines.slice(0, -1).join("\n"),
        text.replace('"total":9', '"total":8'),
      ])
        await failure("runtime", () => tallyIn(other, batch));
      await failure("runtime", () => tallyIn(text, { ...batch, x: floats([8, ...SHAPE], numbers(128, 5)) }));
      await failure("invalid-file", () => batchIn(new Uint8Array([1, 2, 3])));
    });
  });

  it("tells what went wrong, and where", () => {
    const error = failureIn(failureText(new PerturbError("out-of-bounds", "no", { data: { at: 3 } })));
    expect(error).toMatchObject({
      code: "out-of-bounds",
      data: { at: 3 },
      message: expect.stringMatching(/^On .+: no$/),
    });
    expect(failureIn("job stalled more than allowable limit")).toBeUndefined();
    expect(failureIn('{"error":{"code":3}}')).toBeUndefined();
  });

  it("is refused by a worker that has other weights beside the model, or none", async () => {
    const { onnx, data } = withExternalData(writeOnnx(smallNetwork(SHAPE, 3)), "weights.bin");
    await using(open(smallNetwork(SHAPE, 3)), async (model) => {
      const plan = planMessage(planOf({ attacks: [attacks.fgsm], epsilons: [0.3] }, model));
      writeFileSync(join(folder, "weights.bin"), data);
      const bytes = await setupBytes({ file: { ...model.file, onnx, folder }, plan, device: "cpu" });
      expect((await setupIn(bytes)).file.folder).toBe(folder);
      writeFileSync(
        join(folder, "weights.bin"),
        data.map((byte) => byte ^ 1),
      );
      const { message } = await failure("mismatch", () => setupIn(bytes));
      expect(message).toMatch(
        /has another model: SHA-256 of the weights of the model in weights\.bin is [0-9a-f]+ there, not/,
      );
      rmSync(join(folder, "weights.bin"));
      await failure("not-found", () => setupIn(bytes));
    });
  });
});
