import { expect, it } from "vitest";
import { runtime } from "../../../test/support/gradient-check.ts";
import { type LeastFinder, withLeastFinder } from "../../../test/support/least-found.ts";
import { drawn, SIZE, steps } from "../../../test/support/operator-steps.ts";
import { randomGraph } from "../../../test/support/random-graphs.ts";
import { boundLowerings } from "../../autodiff/relaxations/lowered.ts";
import { relaxations } from "../../autodiff/relaxations.ts";
import { type Random, randomFor } from "../../random.ts";
import { type FloatTensor, takeRows, tensor } from "../../tensor.ts";
import { type BoundsOf, openBounds } from "./bounds.ts";
import type { Box } from "./box.ts";
import type { Domain, Tuning } from "./tune.ts";

/** How wide the boxes are, and how far from 0. */
const BOXES = [
  { name: "a point", radius: 0, at: 1 },
  { name: "tiny", radius: 1e-3, at: 1 },
  { name: "small", radius: 0.1, at: 1 },
  { name: "wide", radius: 1, at: 1 },
  { name: "very wide", radius: 20, at: 1 },
  { name: "far from 0", radius: 0.5, at: 300 },
] as const;

/** Some elements do not move, and some begin or end at 0. */
function boxOf(random: Random, { radius, at }: (typeof BOXES)[number]): Box {
  const x = drawn(random, [1, SIZE], at);
  const centre = x.data as Float32Array;
  if (random.uniform() < 0.2) centre[random.integer(SIZE)] = 0;
  const end = (sign: number) => centre.map((v) => v + sign * radius * (random.uniform() < 0.2 ? 0 : random.uniform()));
  const ends = { lower: tensor("float32", [1, SIZE], end(-1)), upper: tensor("float32", [1, SIZE], end(1)) };
  return { centre: x, ...ends };
}

/** Both ends of each output, and two sums. */
function rowsOf(random: Random): FloatTensor {
  const rows = drawn(random, [2 * SIZE + 2, SIZE], 1);
  rows.data.fill(0, 0, 2 * SIZE * SIZE);
  for (let row = 0; row < 2 * SIZE; row++) rows.data[row * SIZE + (row >> 1)] = row % 2 === 0 ? 1 : -1;
  return rows;
}

interface Given {
  readonly bounds: BoundsOf;
  readonly box: Box;
  readonly rows: FloatTensor;
  readonly random: Random;
}

/** What each method says of each row. */
async function boundsBy({ bounds, box, rows, random }: Given, isTight: boolean): Promise<Map<string, Float64Array>> {
  const count = rows.dims[0]!;
  const asked = { seed: rows, samples: new Int32Array(count) };
  const found = new Map<string, Float64Array>();
  for (const method of ["ibp", "crown-ibp", "crown"] as const)
    found.set(method, await bounds.lower(box, asked, method));
  for (const tight of isTight ? [false, true] : [false]) {
    const tuning = await bounds.tuning(box, tight);
    if (tuning.neurons.length > 0)
      for (const [name, values] of await tuned(tuning, rows, random))
        found.set(`${name}${tight ? ", tight" : ""}`, values);
    await tuning.release();
  }
  return found;
}

/** Choices that are improved, any choices, and both signs of a neuron: the less of the two. */
async function tuned(tuning: Tuning, rows: FloatTensor, random: Random): Promise<readonly [string, Float64Array][]> {
  const each = (of: (row: number) => Domain) =>
    Array.from({ length: rows.dims[0]! }, (_, row) => ({
      domain: of(row),
      row: takeRows(rows, [row]).data as Float32Array,
      limit: Number.POSITIVE_INFINITY,
    }));
  const { root, neurons } = tuning;
  const shares = () => Float32Array.from(neurons, () => random.uniform());
  const improved = await tuning.improve(
    each(() => root),
    8,
  );
  const neuron = random.integer(neurons.length);
  const half = (sign: number): Domain => ({
    signs: root.signs.with(neuron, sign),
    shares: shares(),
    pushes: root.pushes.with(neuron, -sign * 2 * random.uniform()),
  });
  const [below, above] = [await tuning.prove(each(() => half(-1))), await tuning.prove(each(() => half(1)))];
  return [
    ["α", await tuning.prove(each((row) => improved[row]!.domain))],
    ["any α", await tuning.prove(each(() => ({ ...root, shares: shares() })))],
    ["both signs", below.map((bound, row) => Math.min(bound, above[row]!))],
  ];
}

/** Says which bounds are above what was found. */
async function violations(given: Given, finder: LeastFinder, isTight: boolean) {
  const { bounds, box, rows } = given;
  const found = await boundsBy(given, isTight);
  const samples = new Int32Array(rows.dims[0]!);
  const { slopes } = await bounds.lines(box, { seed: rows, samples }, "crown-ibp");
  // Where its line is least, the bound is tightest.
  const lowest = slopes.data.map((slope, i) => (slope > 0 ? box.lower : box.upper).data[i % SIZE]!) as Float32Array;
  const least = await finder.least(box, rows, [lowest]);
  const wrong: string[] = [];
  let known = 0;
  for (const [method, values] of found)
    for (const [row, bound] of values.entries()) {
      if (Number.isFinite(bound)) known++;
      if (bound > least[row]!) wrong.push(`${method}, row ${row}: ${bound} > ${least[row]}`);
    }
  return { wrong, known, total: found.size * rows.dims[0]! };
}

/** All by hand: GRAPHS=500 POINTS=10000 npm test -- src/certify/bounds/trials.test.ts; FIRST=N begins at graph N. */
const number = (name: string, otherwise: number): number => Number(process.env[name] ?? otherwise);
const [GRAPHS, POINTS, FIRST, SEED] = [
  number("GRAPHS", 3),
  number("POINTS", 1000),
  number("FIRST", 0),
  number("SEED", 23),
];
const EFFORT = { points: POINTS, starts: 8, steps: 20 };

it("the operators of random graphs are all that have bounds", async () => {
  const reached = new Set<string>();
  for (const [i, name] of Object.keys(steps).entries()) {
    const { graph } = await randomGraph(randomFor(SEED, i), [name]);
    for (const { op } of graph.nodes) reached.add(op);
  }
  const all = [...Object.keys(relaxations), ...Object.keys(boundLowerings)];
  expect(all.filter((op) => !reached.has(op))).toEqual([]);
});

it.each(Array.from({ length: GRAPHS }, (_, i) => FIRST + i))(
  "bounds of random graph %i are never above what is found in the box",
  async (n) => {
    const random = randomFor(SEED, n);
    const { graph, names } = await randomGraph(random);
    const bounds = await openBounds(graph, runtime);
    const wrong: string[] = [];
    let [known, total] = [0, 0];
    try {
      await withLeastFinder(graph, EFFORT, random, async (finder) => {
        for (const [i, kind] of BOXES.entries()) {
          const given = { bounds, box: boxOf(random, kind), rows: rowsOf(random), random };
          const found = await violations(given, finder, (n + i) % 4 === 0);
          wrong.push(...found.wrong.map((what) => `${names.join(", ")}: ${kind.name}: ${what}`));
          known += found.known;
          total += found.total;
        }
      });
    } finally {
      await bounds.release();
    }
    expect(wrong).toEqual([]);
    // Something was compared.
    expect(known, `of ${total} bounds of ${names.join(", ")}`).toBeGreaterThan(0);
  },
  120_000,
);
