import { expect, it } from "vitest";
import { collect } from "../../test/support/datasets.ts";
import { withShape } from "../dataset.ts";
import { datasetOf } from "./in-memory.ts";
import { saidLayout } from "./open-layout.ts";

it("says of arrays whose channels may stand at either end how a model of open sizes gets them, and what to type", async () => {
  const of = (shape: readonly number[]) => {
    const x = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => i / 100);
    return datasetOf({ name: "set", x, shape, labels: [0] });
  };
  const [note] = saidLayout(of([3, 5, 3])).notes ?? [];
  expect(note?.code).toBe("layout");
  expect(note?.message).toContain("`shape: [3, 3, 5]` or `shape: [5, 3, 3]`");
  const { x } = await collect(withShape(of([3, 5, 3]), [3, 3, 5]), { batch: 1 });
  expect(x.slice(0, 3)).toEqual([0, 0.03, 0.06].map(Math.fround));
  for (const shape of [[3, 5, 4], [1, 5, 1], [4]]) expect(saidLayout(of(shape)).notes).toBeUndefined();
});
