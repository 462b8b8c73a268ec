import type { Sample } from "../gradient-check.ts";

export const remainderSamples = {
  Mod: [
    {
      name: "of either sign",
      opsets: [10, 13, 23],
      inputs: { x: { dims: [4], values: [5, -5, 3.5, -0.5] }, d: { dims: [4], values: [3, 3, -2, 2] } },
      build: (b, { x, d }) => b.add("Mod", [x!, d!], { fmod: 1 }),
    },
    {
      name: "broadcast",
      opsets: [10, 13],
      inputs: { x: { dims: [2, 2], values: [5, -5, 3.5, -0.5], declared: ["N", 2] }, d: { dims: [], values: [1.6] } },
      build: (b, { x, d }) => b.add("Mod", [x!, d!], { fmod: 1 }),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
