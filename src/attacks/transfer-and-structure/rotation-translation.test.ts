import { afterAll, describe, expect, it } from "vitest";
import { floats, lenetFile, numbers, open, smallNetwork } from "../../../test/support/models.ts";
import { type AttackTask, judge } from "../../attack.ts";
import { openDataset } from "../../datasets/locate.node.ts";
import type { Goal, Model } from "../../model.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { metered } from "../../models/wrapped/metered.ts";
import { norms } from "../../norm.ts";
import { nodeRuntime } from "../../runtime/ort.node.ts";
import { imageLayout } from "../steps/image-layout.ts";
import { objective } from "../steps/losses.ts";
import { type Motion, move, originsOf } from "./rotation-translation/rotate.ts";
import { gridOf, rotationTranslation } from "./rotation-translation.ts";

const still: Motion = { angle: 0, down: 0, right: 0 };

/** Pictures of any layout as [channel][row][column]. */
function moved(shape: readonly number[], picture: Float32Array, motion: Partial<Motion>, background = 0) {
  const layout = imageLayout(shape, "test");
  const out = new Float32Array(picture.length).fill(Number.NaN);
  move(out, picture, layout, originsOf(layout, { ...still, ...motion }), background);
  const read = (values: Float32Array) =>
    Array.from({ length: layout.channels }, (_, c) =>
      Array.from({ length: layout.height }, (_, y) =>
        Array.from(
          { length: layout.width },
          (_, x) => values[c * layout.channelStep + y * layout.rowStep + x * layout.columnStep]!,
        ),
      ),
    );
  return { before: read(picture), after: read(out) };
}

/** A quarter turn counter-clockwise: the last column becomes the first row. */
const quarter = (rows: number[][]): number[][] => rows[0]!.map((_, x) => rows.map((row) => row[row.length - 1 - x]!));

describe("moving a picture", () => {
  it.each([[[2, 5, 5]], [[1, 6, 6]], [[5, 5, 3]], [[4, 4]]])("turns %o by quarters exactly", (shape) => {
    const picture = numbers(
      shape.reduce((a, b) => a * b, 1),
      1,
      0,
      1,
    );
    for (let turns = -2, expected = 0; turns <= 4; turns++) {
      const { before, after } = moved(shape, picture, { angle: (turns * Math.PI) / 2 }, 7);
      let turned = before;
      for (expected = (turns + 4) % 4; expected > 0; expected--) turned = turned.map(quarter);
      expect(after).toEqual(turned);
    }
  });

  it("turns a picture that is not square by half a turn exactly", () => {
    const { before, after } = moved([1, 3, 5], numbers(15, 2), { angle: Math.PI });
    expect(after[0]).toEqual(before[0]!.toReversed().map((row) => row.toReversed()));
  });

  it.each([
    [0, 0],
    [2, 0],
    [0, -1],
    [-1, 3],
    [9, 0],
  ])("shifts by %i rows and %i columns exactly, and fills with the background", (down, right) => {
    const { before, after } = moved([2, 4, 5], numbers(40, 3), { down, right }, 0.25);
    for (let c = 0; c < 2; c++)
      for (let y = 0; y < 4; y++)
        for (let x = 0; x < 5; x++) expect(after[c]![y]![x]).toBe(before[c]![y - down]?.[x - right] ?? 0.25);
  });

  it("interpolates between the centres of pixels, those outside included", () => {
    const { after } = moved([1, 2, 3], Float32Array.of(0.5, 1, 0, 0, 0, 0.5), { right: 0.25, down: 0.5 }, 1);
    expect(after[0]![0]).toEqual([(0.25 + 0.75 * 0.5 + 1) / 2, (0.25 * 0.5 + 0.75 * 1 + 1) / 2, (0.25 * 1 + 1) / 2]);
  });

  it("turns, then shifts", () => {
    const { before, after } = moved([1, 4, 4], numbers(16, 4), { angle: Math.PI / 2, down: 1 });
    expect(after[0]!.slice(1)).toEqual(quarter(before[0]!).slice(0, 3));
  });
});

describe("the grid", () => {
  it("has 31 by 5 by 5 transformations up to 30° and 3 pixels of 28", () => {
    const grid = gridOf(rotationTranslation.defaults, 1, { height: 28, width: 56 });
    expect(grid).toHaveLength(775);
    const distinct = (of: keyof Motion) => [...new Set(grid.map((motion) => motion[of]))].sort((a, b) => a - b);
    expect(distinct("down")).toEqual([-3, -1.5, 0, 1.5, 3]);
    expect(distinct("right")).toEqual([-6, -3, 0, 3, 6]);
    const degrees = distinct("angle").map((angle) => (angle * 180) / Math.PI);
    for (const [i, angle] of degrees.entries()) expect(angle).toBeCloseTo(2 * (i - 15), 10);
    expect(grid).toContainEqual(still);
  });

  it("shrinks with ε", () => {
    const [half, whole] = [0.5, 1].map((epsilon) =>
      gridOf({ rotations: 3, translations: 3 }, epsilon, { height: 8, width: 8 }),
    );
    for (const [i, { angle, down, right }] of half!.entries())
      expect({ angle: 2 * angle, down: 2 * down, right: 2 * right }).toEqual(whole![i]);
  });
});

describe("the attack", () => {
  const shape = [1, 8, 8];
  const [n, size, classes] = [5, 64, 4];
  const model = open(smallNetwork(shape, classes));
  afterAll(() => model.release());
  const x = floats([n, ...shape], numbers(n * size, 5, 0, 1));
  const indices = Int32Array.from({ length: n }, (_, i) => 40 + i);
  const options = { rotations: 5, translations: 3 };
  const task = (goal: Goal, asked: Model = model): AttackTask<Model> => ({
    model: asked,
    x,
    goal,
    norm: norms.spatial,
    epsilons: [1],
    indices,
    seed: 0,
  });

  it.each(["untargeted", "targeted"] as const)("%s: gives the worst of its grid", async (kind) => {
    const image = imageLayout(shape, "test");
    const grid = gridOf(options, 1, image);
    const labels = new Int32Array(n).fill(1);
    const targets = new Int32Array(n).fill(3);
    const goal: Goal = kind === "targeted" ? { kind, labels, targets } : { kind, labels };
    const [candidates] = await rotationTranslation.propose(task(goal), options);
    const { success, logits } = await judge(model, x, candidates!, goal, norms.spatial, 1);
    const found = objective(logits, goal, "cross-entropy");
    const worst = new Float64Array(n).fill(Number.NEGATIVE_INFINITY);
    const fooled = new Uint8Array(n);
    for (const motion of grid) {
      const data = new Float32Array(n * size);
      for (let i = 0; i < n; i++)
        move(
          data.subarray(i * size, (i + 1) * size),
          x.data.subarray(i * size, (i + 1) * size),
          image,
          originsOf(image, motion),
          0,
        );
      const verdict = await judge(model, x, floats(x.dims, data), goal, norms.spatial, 1);
      const values = objective(verdict.logits, goal, "cross-entropy");
      for (let i = 0; i < n; i++) {
        worst[i] = Math.max(worst[i]!, values[i]!);
        fooled[i] ||= verdict.success[i]!;
      }
    }
    expect(success).toEqual(fooled);
    for (let i = 0; i < n; i++) if (!fooled[i]) expect(found[i]).toBeCloseTo(worst[i]!, 6);
  });

  it("makes one query for each transformation, and none for a fooled sample", async () => {
    const meter = metered<Model>(model);
    const constant: Model = {
      ...meter.model,
      logits: async (points, samples) => {
        const answer = await meter.model.logits(points, samples);
        return { ...answer, data: answer.data.map((_, j) => Number(j % classes === 0)) };
      },
    };
    const labels = Int32Array.of(0, 0, 0, 0, 1);
    await rotationTranslation.propose(task({ kind: "untargeted", labels }, constant), options);
    expect([...indices].map((index) => meter.of(index).forwards)).toEqual([45, 45, 45, 45, 1]);
    await rotationTranslation.propose(task({ kind: "untargeted", labels }, constant), { draws: 10 });
    expect([...indices].map((index) => meter.of(index).forwards)).toEqual([55, 55, 55, 55, 2]);
  });

  it.each([
    [{ rotations: 0 }, "rotations"],
    [{ translations: 1.5 }, "translations"],
    [{ draws: -1 }, "draws"],
  ])("refuses %o", async (wrong, name) => {
    const goal: Goal = { kind: "untargeted", labels: new Int32Array(n) };
    await expect(rotationTranslation.propose(task(goal), wrong)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(name),
    });
  });

  it("refuses samples that are no pictures", async () => {
    const goal: Goal = { kind: "untargeted", labels: new Int32Array(1) };
    const flat = { ...task(goal), x: floats([1, 4], [0, 0, 0, 0]), indices: Int32Array.of(0) };
    await expect(rotationTranslation.propose(flat)).rejects.toMatchObject({ code: "usage" });
  });
});

it("a coarse grid fools LeNet on most digits, ten random draws on many", async () => {
  const model = openClassifier(lenetFile(), nodeRuntime("cpu", 1));
  const mnist = await openDataset("mnist");
  for await (const { x, labels, indices } of mnist.batches({ batch: 100, limit: 100 })) {
    const goal: Goal = { kind: "untargeted", labels };
    const task: AttackTask<Model> = { model, x, goal, norm: norms.spatial, epsilons: [1], indices, seed: 0 };
    const notFooled = async (options: object) => {
      const [candidates] = await rotationTranslation.propose(task, options);
      const { success } = await judge(model, x, candidates!, goal, norms.spatial, 1);
      return success.filter((done) => !done).length;
    };
    expect(await notFooled({ rotations: 7, translations: 3 })).toBeLessThanOrEqual(3);
    expect(await notFooled({ draws: 10 })).toBeLessThanOrEqual(25);
  }
  await model.release();
});
