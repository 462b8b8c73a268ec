import { expect, it } from "vitest";
import { linearGraph, open, twoClassGraph, using } from "../../../test/support/models.ts";
import { modelInfoOf } from "./opened.ts";

const rest = { inspection: {} as never, sizesOpen: false, options: {}, device: "cpu" } as const;

it("of an open model the page knows what was assumed of it", async () => {
  const score = linearGraph([2], Float32Array.of(1, -1), [0]);
  await using(open(score), async (model) => {
    expect(modelInfoOf(model, rest)).toMatchObject({ classes: 2, head: "binary" });
    expect(modelInfoOf(model, rest).notes).toEqual([expect.stringContaining("class 1")]);
  });
  await using(open(twoClassGraph(Float32Array.of(1, 2))), async (model) => {
    expect(modelInfoOf(model, rest).notes).toEqual([]);
  });
});
