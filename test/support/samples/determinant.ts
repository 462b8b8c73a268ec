import type { Sample, SampleInput } from "../gradient-check.ts";

const det = (name: string, x: SampleInput): Sample => ({
  name,
  opsets: [11, 17, 22],
  type: "float32",
  inputs: { x },
  build: (b, v) => b.add("Det", [v["x"]!]),
});

export const determinantSamples = {
  Det: [
    ...[1, 2, 3, 4, 5].map((n) => det(`${n} by ${n}, named batch`, { dims: [2, n, n], declared: ["N", n, n] })),
    det("one matrix", { dims: [3, 3] }),
    det("two batch axes", { dims: [2, 2, 2, 2] }),
    // Both have no inverse.
    det("of rank 1", { dims: [3, 3], values: [1, 2, 3, 2, 4, 6, -1, -2, -3] }),
    det("of rank 2", { dims: [3, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9] }),
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
