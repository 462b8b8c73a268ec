import { expect, it } from "vitest";
import { openProver } from "../../../src/certify/proving/prover.ts";
import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import type { NormName } from "../../../src/norm.ts";
import { numbers, open, smallNetwork, twoClassGraph, using } from "../../../test/support/models.ts";
import type { Proof } from "../engine.ts";
import { answerOf, batchOf } from "./answer.ts";
import { provenRadius, type RadiusOptions } from "./radius.ts";

const x = numbers(16, 3, 0.3, 0.7);
const quiet = { signal: new AbortController().signal, seconds: 60, hear: () => undefined };

async function radius(
  model: GraphModel,
  label: number,
  { norm, ...options }: Partial<RadiusOptions> & { readonly norm?: NormName } = {},
): Promise<Proof> {
  const prover = await openProver(model, norm && { norm });
  try {
    return await provenRadius(model, prover, { x, label }, { ...quiet, ...options });
  } finally {
    await prover.release();
  }
}

it.each([
  ["linf", (w: readonly number[]) => w.reduce((sum, v) => sum + Math.abs(v), 0)],
  ["l2", (w: readonly number[]) => Math.hypot(...w)],
] as const)(
  "is that of a linear model in %s, in two digits, and each ε that is told is below it",
  async (norm, dual) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const w = numbers(16, seed);
      const signed = w.reduce((sum, v, i) => sum + v * x[i]!, 0);
      const bias = (signed > 0 ? -1 : 1) * 0.9 * Math.abs(signed);
      // Small enough that no pixel leaves its bounds.
      const truth = Math.abs(signed + bias) / dual([...w]);
      expect(truth).toBeLessThan(0.3);
      const heard: number[] = [];
      await using(open(twoClassGraph(w, bias)), async (model) => {
        const hear = ({ epsilon }: Proof) => heard.push(epsilon);
        const { epsilon, isWhole } = await radius(model, Number(signed + bias > 0), { hear, norm });
        const digits = 10 ** Math.floor(Math.log10(truth) - 1);
        // Roundings are allowed for, so that the last digit may be lost.
        expect(epsilon).toBeLessThanOrEqual(truth);
        expect(epsilon).toBeGreaterThan(truth - 2.01 * digits);
        expect([isWhole, heard.at(-1)]).toEqual([true, epsilon]);
        expect(heard).toEqual([...heard].sort((a, b) => a - b));
      });
    }
  },
);

it("says that an input is misclassified, stops, and keeps what is proven when time is over", async () => {
  await using(open(smallNetwork([16], 3)), async (model) => {
    const { prediction } = answerOf(await model.logits(batchOf(model, x)));
    await expect(radius(model, (prediction + 1) % 3)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("misclassified"),
    });
    await expect(radius(model, prediction, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "cancelled",
    });
    expect(await radius(model, prediction, { seconds: 0 })).toMatchObject({ epsilon: 0, isWhole: false });
    expect(await radius(model, prediction)).toMatchObject({ epsilon: expect.any(Number), isWhole: true });
  });
});
