import fc from "fast-check";
import type { SampleRecord } from "../../src/evaluate.ts";

export const sampleRecord: SampleRecord = {
  index: 7,
  label: 2,
  prediction: 2,
  margin: 3.5,
  outcome: "not-fooled",
  epsilon: null,
  attack: null,
  adversarialPrediction: null,
  linf: null,
  l2: null,
  l1: null,
  l0: null,
  queries: 40,
  forwards: 42,
  gradients: 40,
  seconds: 0.125,
  source: null,
};

export const fooledSample: SampleRecord = {
  ...sampleRecord,
  index: 8,
  label: 1,
  prediction: 1,
  margin: 0.25,
  outcome: "fooled",
  epsilon: 0.1,
  attack: "pgd",
  adversarialPrediction: 7,
  linf: 0.1,
  l2: 1.5,
  l1: 30.25,
  l0: 500,
  queries: 12,
  forwards: 13,
  gradients: 12,
  seconds: 0.0625,
  source: "7/a.png",
};

const number = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((v) => v + 0);
const count = fc.nat();
const facts = fc.record({
  // A misclassified one gets the next class, which has to be an INT32 too.
  label: fc.nat({ max: 2 ** 31 - 2 }),
  margin: fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => v + 0),
  queries: count,
  forwards: count,
  gradients: count,
  seconds: number,
  source: fc.oneof(fc.constant(null), fc.string({ minLength: 1 })),
});
const fooled = fc.record({
  epsilon: number,
  // As odd as the name of an attack can be.
  attack: fc.string({ minLength: 1 }),
  adversarialPrediction: count,
  linf: number,
  l2: number,
  l1: number,
  l0: number,
});

/** Any records that an evaluation can give, in order. */
export const sampleRecords: fc.Arbitrary<SampleRecord[]> = fc
  .array(
    fc.tuple(
      facts,
      fooled,
      fc.constantFrom("misclassified", "skipped", "fooled", "error", "not-fooled"),
      fc.integer({ min: 1, max: 1000 }),
    ),
  )
  .map((all) => {
    let index = -1;
    return all.map(([common, example, outcome, step]) => {
      index += step;
      const prediction = outcome === "misclassified" ? common.label + 1 : common.label;
      return { ...sampleRecord, ...common, index, prediction, outcome, ...(outcome === "fooled" && example) };
    });
  });

/** All that a stream gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
