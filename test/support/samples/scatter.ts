import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

interface Options {
  readonly axis?: number;
  readonly reduction?: string;
  readonly opsets?: readonly number[];
}

const integers = (dims: readonly number[], values: readonly number[], declared: SampleInput["declared"] = dims) => ({
  dims,
  values,
  declared: declared!,
  type: "int64" as const,
});

const scatter =
  (op: string) =>
  (
    name: string,
    data: SampleInput,
    indices: SampleInput,
    updates: SampleInput,
    { axis, reduction, opsets = [11, 13, 16, 18, 23] }: Options = {},
  ): Sample => ({
    name: reduction ? `${reduction}, ${name}` : name,
    opsets,
    inputs: { data, indices, updates },
    build: (b, v) =>
      b.add(op, [v["data"]!, v["indices"]!, v["updates"]!], {
        ...(axis !== undefined && { axis }),
        ...(reduction && { reduction }),
      }),
  });

/** The opsets that have a reduction. */
const since = (reduction: string): readonly number[] =>
  reduction === "add" || reduction === "mul" ? [16, 18, 23] : [18, 23];
const REDUCTIONS = ["add", "mul", "max", "min"];
/** Far from each other where the order matters. */
const spacedFrom = (count: number, start: number): number[] =>
  Array.from({ length: count }, (_, i) => ((start + 5 * i) % 17) - 8);

const elements = scatter("ScatterElements");
const nd = scatter("ScatterND");

const reducedElements = (reduction: string): Sample[] => {
  const options = { reduction, opsets: since(reduction) };
  const data = { dims: [2, 3, 4], declared: ["N", 3, 4], values: spacedFrom(24, 1) };
  return [
    elements(
      "places twice",
      { dims: [4], values: [3, -2, 5, 1] },
      integers([3], [1, 1, -1]),
      { dims: [3], values: [4, -7, 2] },
      options,
    ),
    elements(
      "middle axis, a named batch",
      data,
      integers([2, 2, 4], [0, 1, 2, 0, 0, 1, -1, 1, 2, 2, 2, 2, 1, 0, 1, 2], ["N", 2, 4]),
      { dims: [2, 2, 4], declared: ["N", 2, 4], values: spacedFrom(16, 3).map((v) => v + 0.5) },
      { ...options, axis: 1 },
    ),
  ];
};

const reducedNd = (reduction: string): Sample[] => {
  const options = { reduction, opsets: since(reduction) };
  return [
    nd(
      "elements twice",
      { dims: [2, 3], values: spacedFrom(6, 2) },
      integers([3, 2], [0, 1, 1, -1, 0, 1]),
      { dims: [3], values: [2.5, -3.5, 4.5] },
      options,
    ),
    nd(
      "slices twice",
      { dims: [3, 2], values: spacedFrom(6, 2) },
      integers([3, 1], [2, 0, 2]),
      { dims: [3, 2], values: spacedFrom(6, 4).map((v) => v + 0.5) },
      options,
    ),
  ];
};

export const scatterSamples = {
  Scatter: [
    {
      name: "constant updates",
      opsets: [9, 10],
      inputs: { data: { dims: [3, 2], declared: ["N", 2] } },
      build(b, v) {
        const updates = b.constant(tensor("float64", [1, 2], Float64Array.of(3, 4)));
        return b.add("Scatter", [v["data"]!, b.reshape(b.int64([2, 0]), [1, 2]), updates], { axis: 0 });
      },
    },
  ],
  ScatterElements: [
    elements("first axis", { dims: [3, 2] }, integers([2, 2], [2, 0, 1, -2]), { dims: [2, 2] }),
    elements(
      "last axis, a named batch",
      { dims: [2, 3], declared: ["N", 3] },
      integers([2, 2], [0, 2, 1, -1], ["N", 2]),
      { dims: [2, 2], declared: ["N", 2] },
      { axis: -1 },
    ),
    elements("a vector", { dims: [4] }, integers([2], [3, 1]), { dims: [2] }),
    ...REDUCTIONS.flatMap(reducedElements),
  ],
  ScatterND: [
    nd("elements", { dims: [2, 3] }, integers([2, 2], [0, 1, 1, -1]), { dims: [2] }),
    nd("slices", { dims: [3, 2] }, integers([2, 1], [2, 0]), { dims: [2, 2] }),
    nd("open sizes", { dims: [3, 2], declared: ["N", "C"] }, integers([2, 1], [2, 0], ["M", 1]), {
      dims: [2, 2],
      declared: ["M", "C"],
    }),
    ...REDUCTIONS.flatMap(reducedNd),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
