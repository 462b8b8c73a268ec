import { describe, expect, it } from "vitest";
import {
  dense,
  floats,
  graphOf,
  linearGraph,
  numbers,
  open,
  smallNetwork,
  using,
} from "../../../test/support/models.ts";
import { predict } from "../../attack.ts";
import type { GraphModel } from "../../models/classifier/graph-model.ts";
import type { FloatTensor } from "../../tensor.ts";
import type { Method } from "./method.ts";
import { openProver } from "./prover.ts";
import { nothingProven, proveBudgets, proveLargest } from "./standing.ts";

const CLASSES = 4;
const INPUTS = 12;
const SAMPLES = 8;
/** Far from the bounds of [0, 1], so that no ball is cut. */
const x = floats([SAMPLES, INPUTS], numbers(SAMPLES * INPUTS, 3, 0.4, 0.6));

async function claimsOf(model: GraphModel, epsilons: readonly number[], samples: FloatTensor = x) {
  const logits = await model.logits(samples);
  const labels = predict(logits);
  const margins = Float64Array.from(labels, (label, i) => {
    const z = [...logits.data.subarray(i * CLASSES, (i + 1) * CLASSES)];
    return Math.min(...z.flatMap((v, j) => (j === label ? [] : [z[label]! - v])));
  });
  return { x: samples, labels, margins, epsilons };
}

async function provenOf(model: GraphModel, epsilons: readonly number[], digits: number, samples = x) {
  const prover = await openProver(model);
  const claims = await claimsOf(model, epsilons, samples);
  const count = claims.labels.length;
  const standing = nothingProven(count, prover.methods);
  await proveBudgets(standing, prover.methods, claims, new Int32Array(count).fill(epsilons.length));
  const fooledAt = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  await proveLargest(standing, prover.methods.slice(1), claims, { widest: prover.widest, digits, fooledAt });
  await prover.release();
  return { standing, claims };
}

describe("the largest certified ε", () => {
  it("of a linear model is margin / ‖w_i - w_j‖₁", async () => {
    const weights = numbers(INPUTS * CLASSES, 11);
    await using(open(linearGraph([INPUTS], weights, [0.01, 0, -0.02, 0.03])), async (model) => {
      const { standing, claims } = await provenOf(model, [0.001], 6);
      const logits = (await model.logits(x)).data;
      for (const [i, label] of claims.labels.entries()) {
        const radii = Array.from({ length: CLASSES }, (_, j) => {
          if (j === label) return Number.POSITIVE_INFINITY;
          let norm = 0;
          for (let k = 0; k < INPUTS; k++) norm += Math.abs(weights[k * CLASSES + label]! - weights[k * CLASSES + j]!);
          return (logits[i * CLASSES + label]! - logits[i * CLASSES + j]!) / norm;
        });
        const truth = Math.min(...radii);
        expect(standing.largest[i]!).toBeLessThanOrEqual(truth);
        // Six digits, and the rounding of float32.
        expect(standing.largest[i]! / truth).toBeGreaterThan(1 - 3e-5);
      }
    });
  });

  it("does not depend on the other samples, and is proven", async () => {
    await using(open(smallNetwork([INPUTS], CLASSES)), async (model) => {
      const { standing, claims } = await provenOf(model, [0.001, 0.01, 0.1], 3);
      for (let i = 0; i < 3; i++) {
        const one = floats([1, INPUTS], x.data.subarray(i * INPUTS, (i + 1) * INPUTS));
        const alone = await provenOf(model, [0.001, 0.01, 0.1], 3, one);
        expect([alone.standing.largest[0], alone.standing.proven[0]]).toEqual([
          standing.largest[i],
          standing.proven[i],
        ]);
      }
      for (const [i, count] of standing.proven.entries())
        expect(count).toBe(claims.epsilons.filter((epsilon) => epsilon <= standing.largest[i]!).length);
      // A step further, CROWN proves nothing.
      const prover = await openProver(model);
      const beyond = { ...claims, epsilons: Array.from(standing.largest, (epsilon) => epsilon * 1.011) };
      for (const { kind } of await prover.methods.at(-1)!.decide(beyond)) expect(kind).toBe("open");
      await prover.release();
    });
  });

  it("reaches to the end of what a model takes, where a class is never left", async () => {
    const bias = [9, 0, 0, 0];
    await using(open(linearGraph([INPUTS], numbers(INPUTS * CLASSES, 11, -0.1, 0.1), bias)), async (model) => {
      const { standing } = await provenOf(model, [0.1], 3);
      expect([...standing.largest]).toEqual(new Array(SAMPLES).fill(1));
    });
  });
});

describe("methods in turn", () => {
  const method = (name: string, upTo: number, asked: number[][] = []): Method => ({
    name,
    isCheap: true,
    isSearched: true,
    decide: async ({ epsilons }) => {
      asked.push([...epsilons]);
      return epsilons.map((epsilon) =>
        epsilon <= upTo
          ? { kind: "proven", margin: upTo - epsilon + 1e-9 }
          : { kind: "open", margin: upTo - epsilon, reason: `${name} ends at ${upTo}` },
      );
    },
  });
  const claims = (epsilons: readonly number[]) => ({
    x: floats([1, 1], [0.5]),
    labels: Int32Array.of(0),
    margins: Float64Array.of(1),
    epsilons,
  });

  it("get what those before left open, and leave a reason", async () => {
    const methods = [method("weak", 0.15), method("strong", 0.35)];
    const standing = nothingProven(1, methods);
    const epsilons = [0.1, 0.2, 0.3, 0.4];
    await proveBudgets(standing, methods, claims(epsilons), Int32Array.of(4));
    expect([standing.proven[0], standing.by[0], standing.reasons[0]]).toEqual([3, "strong", "strong ends at 0.35"]);
    expect(standing.methods.map(({ tried, proven }) => [tried, proven])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it("leave the reason of those before where they cannot try more", async () => {
    // A sigmoid has no sign to split.
    const graph = graphOf([INPUTS], (b, input) => {
      const hidden = b.add("Sigmoid", [dense(b, input, numbers(INPUTS * 8, 3), [...numbers(8, 4)])]);
      return dense(b, hidden, numbers(8 * CLASSES, 5), [...numbers(CLASSES, 6)]);
    });
    await using(open(graph), async (model) => {
      const prover = await openProver(model, { splits: 10 });
      const standing = nothingProven(SAMPLES, prover.methods);
      await proveBudgets(standing, prover.methods, await claimsOf(model, [1]), new Int32Array(SAMPLES).fill(1));
      await prover.release();
      expect(standing.methods.at(-1)).toMatchObject({ method: "branch-and-bound", tried: SAMPLES, proven: 0 });
      for (const reason of standing.reasons) expect(reason).toMatch(/^crown bounds the margin to class \d by -/);
    });
  });

  it("do not try what is fooled", async () => {
    const asked: number[][] = [];
    const methods = [method("m", 0.35, asked)];
    const standing = nothingProven(1, methods);
    await proveBudgets(standing, methods, claims([0.1, 0.2, 0.3, 0.4]), Int32Array.of(2));
    expect(Math.max(...asked.flat())).toBeLessThan(0.3);
    expect([standing.proven[0], standing.reasons[0]]).toEqual([2, null]);
  });

  it("prove nothing by NaN", async () => {
    const nan: Method = {
      ...method("nan", 0),
      decide: async ({ epsilons }) => epsilons.map(() => ({ kind: "open", margin: Number.NaN, reason: "overflow" })),
    };
    const standing = nothingProven(1, [nan]);
    await proveBudgets(standing, [nan], claims([0.1]), Int32Array.of(1));
    const fooledAt = Float64Array.of(Number.POSITIVE_INFINITY);
    await proveLargest(standing, [nan], claims([0.1]), { widest: 1, digits: 3, fooledAt });
    expect([standing.proven[0], standing.largest[0], standing.by[0]]).toEqual([0, 0, null]);
  });
});
