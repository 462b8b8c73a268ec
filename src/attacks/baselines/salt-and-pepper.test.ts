import { expect, it } from "vitest";
import { floats, numbers, open, twoClassGraph } from "../../../test/support/models.ts";
import { l0 } from "../../norm.ts";
import { saltAndPepper } from "./salt-and-pepper.ts";

it("sets as many elements as ε says, each to a bound, and not the same each time", async () => {
  const model = open(twoClassGraph(numbers(40, 1), -100));
  const x = floats([3, 40], numbers(120, 2, 0.1, 0.9));
  const goal = { kind: "untargeted", labels: Int32Array.of(0, 0, 0) } as const;
  const task = { model, x, goal, norm: l0, indices: Int32Array.of(0, 1, 2), seed: 0 };
  for (const [epsilon, count] of [
    [1, 1],
    [7.9, 7],
    [100, 40],
  ] as const) {
    const [candidates] = await saltAndPepper.propose({ ...task, epsilons: [epsilon] }, saltAndPepper.defaults);
    const changed = [0, 1, 2].map((i) =>
      Array.from({ length: 40 }, (_, j) => j).filter((j) => candidates!.data[40 * i + j] !== x.data[40 * i + j]),
    );
    expect(changed.map((of) => of.length)).toEqual([count, count, count]);
    for (const [i, of] of changed.entries()) for (const j of of) expect([0, 1]).toContain(candidates!.data[40 * i + j]);
    if (count === 7) expect(new Set(changed.map(String)).size).toBe(3);
  }
  await model.release();
});
