import type { Sample, SampleInput } from "../gradient-check.ts";

/** A cache, what is written into it, and from which place on in each sample. */
const scatter = (
  name: string,
  cache: SampleInput,
  update: SampleInput,
  start: readonly number[] | null,
  attributes: Readonly<Record<string, string | number>> = {},
): Sample => ({
  name,
  opsets: [24, 25],
  inputs: {
    cache,
    update,
    ...(start && { start: { dims: [start.length], declared: ["N"], values: start, type: "int64" as const } }),
  },
  build: (b, v) => b.add("TensorScatter", Object.values(v), attributes),
});

const cache: SampleInput = { dims: [2, 3, 5, 2], declared: ["N", 3, 5, 2] };
const update: SampleInput = { dims: [2, 3, 2, 2], declared: ["N", 3, 2, 2] };

export const tensorScatterSamples = {
  TensorScatter: [
    scatter("from the start", cache, update, null),
    scatter("from places", cache, update, [3, 1]),
    scatter("around the end", cache, update, [4, 0], { mode: "circular" }),
    scatter("axis 1", { dims: [2, 4, 3, 2] }, { dims: [2, 2, 3, 2] }, [1, 2], { axis: 1 }),
    scatter("last axis", { dims: [2, 3, 4] }, { dims: [2, 3, 1] }, [1, 3], { axis: -1 }),
    scatter("3 axes, around the end", { dims: [2, 4, 3] }, { dims: [2, 2, 3] }, [3, 2], { mode: "circular" }),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
