import type { Fill, Sample } from "../gradient-check.ts";

/** One input, [3, 4], in float32, which all kernels have. */
const unary = (op: string, values: Fill | readonly number[], opsets: readonly number[] = [7, 17]): Sample[] => [
  {
    name: typeof values === "string" ? values : "inside its domain",
    opsets,
    type: "float32",
    inputs: { x: { dims: typeof values === "string" ? [3, 4] : [values.length], values } },
    build: (b, { x }) => b.add(op, [x!]),
  },
];

/** One, two and four inputs: their mean is exact in float32. */
const many = (op: string): Sample[] =>
  [
    { name: "one", dims: [[2, 3]] },
    { name: "two of one shape", dims: [[2, 3], [2, 3]] }, // biome-ignore format: a row
    { name: "four that broadcast", dims: [[2, 1, 3], [4, 1], [3], []] }, // biome-ignore format: a row
  ].map(
    ({ name, dims }): Sample => ({
      name,
      opsets: [8, 13, 17],
      type: "float32",
      // Spaced, and shifted against each other, so that no two are near.
      inputs: Object.fromEntries(
        dims.map((d, i) => [
          `x${i}`,
          {
            dims: d,
            values: Array.from({ length: d.reduce((p, q) => p * q, 1) }, (_, j) => ((j * 5 + 3 * i) % 7) + i / 4),
          },
        ]),
      ),
      build: (b, x) =>
        b.add(
          op,
          dims.map((_, i) => x[`x${i}`]!),
        ),
    }),
  );

/** In (-1, 1), away from the ends. */
const fractions = [-0.75, -0.5, -0.25, 0.125, 0.375, 0.625];

export const functionSamples = {
  Abs: unary("Abs", "away", [9, 17]),
  Reciprocal: unary("Reciprocal", "away"),
  Sin: unary("Sin", "any"),
  Cos: unary("Cos", "any"),
  Tan: unary("Tan", fractions),
  Asin: unary("Asin", fractions),
  Acos: unary("Acos", fractions),
  Atan: unary("Atan", "any"),
  Sinh: unary("Sinh", "any", [9, 17]),
  Cosh: unary("Cosh", "any", [9, 17]),
  Asinh: unary("Asinh", "any", [9, 17]),
  Acosh: unary("Acosh", [1.5, 1.75, 2, 2.5, 3, 4], [9, 17]),
  Atanh: unary("Atanh", fractions, [9, 17]),
  Max: many("Max"),
  Min: many("Min"),
  Sum: many("Sum"),
  Mean: many("Mean"),
} satisfies Readonly<Record<string, readonly Sample[]>>;
