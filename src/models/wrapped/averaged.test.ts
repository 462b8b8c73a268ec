import { describe, expect, it } from "vitest";
import { floats, lenetGraph, numbers, open, smallNetwork, using } from "../../../test/support/models.ts";
import { PerturbError } from "../../errors.ts";
import { Ops } from "../../onnx/ops.ts";
import type { FloatTensor } from "../../tensor.ts";
import { averaged } from "./averaged.ts";
import { rounded } from "./rounded.ts";

const x = floats([3, 1, 28, 28], numbers(3 * 784, 1, 0, 1));
const goal = { kind: "untargeted", labels: Int32Array.of(0, 1, 2) } as const;

/** LeNet whose logits each get a normal draw. */
const noisy = () => {
  const graph = lenetGraph();
  const b = new Ops(graph, "tail");
  const [z] = graph.outputs;
  return open(b.finish([b.plus(z!.name, b.add("RandomNormalLike", [z!.name], { dtype: 1 }))]));
};

describe("a randomised model, averaged", () => {
  it("comes nearer to what it draws around, as the root of the number of draws", () =>
    using(noisy(), (model) =>
      using(open(lenetGraph()), async (exact) => {
        // Against the mean of the row: log-probabilities are logits shifted.
        const centred = ({ data }: FloatTensor) =>
          data.map(
            (v, i) =>
              v -
              data
                .slice(10 * Math.floor(i / 10))
                .slice(0, 10)
                .reduce((a, b) => a + b) /
                10,
          );
        const truth = centred(await exact.logits(x));
        const error = async (draws: number) => {
          const got = centred(await averaged(model, draws).logits(x));
          return Math.hypot(...got.map((v, i) => v - truth[i]!)) / Math.sqrt(got.length);
        };
        // Of thirty normal draws, the root mean square lies within a half of one.
        expect(await error(1)).toBeGreaterThan(0.5);
        expect(await error(100)).toBeLessThan(0.15);
      }),
    ));

  it("asks once for each draw, of logits and of gradients, and gives their means", async () => {
    await using(open(smallNetwork([4], 3)), async (model) => {
      let calls = 0;
      const counted = {
        ...model,
        logits: (...given: Parameters<typeof model.logits>) => {
          calls++;
          return model.logits(...given);
        },
        gradient: (...given: Parameters<typeof model.gradient>) => {
          calls++;
          return model.gradient(...given);
        },
      };
      const points = floats([2, 4], numbers(8, 2, 0, 1));
      const goals = { kind: "untargeted", labels: Int32Array.of(0, 1) } as const;
      const mean = averaged(counted, 5);
      expect(await mean.logits(points)).toEqual(await model.logits(points));
      expect(await mean.gradient(points, goals)).toEqual(await model.gradient(points, goals));
      expect(calls).toBe(10);
    });
  });

  it("needs at least one draw", () =>
    using(open(smallNetwork([4], 3)), async (model) => {
      for (const draws of [0, -1, 1.5, Number.NaN]) expect(() => averaged(model, draws)).toThrow(PerturbError);
    }));
});

describe("a model behind 8-bit images", () => {
  it("is asked at the nearest values that they can hold", () =>
    using(open(lenetGraph()), async (model) => {
      const held = { ...x, data: x.data.map((v) => Math.fround(Math.round(v * 255) / 255)) };
      const behind = rounded(model, 256);
      expect(await behind.logits(x)).toEqual(await model.logits(held));
      expect(await behind.gradient(x, goal)).toEqual(await model.gradient(held, goal));
    }));
});
