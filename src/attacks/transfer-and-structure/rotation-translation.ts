import { defineAttack } from "../../attack.ts";
import { checkSignal, PerturbError } from "../../errors.ts";
import { type Model, take, takeGoal } from "../../model.ts";
import { randomFor } from "../../random.ts";
import { type FloatTensor, sampleSize } from "../../tensor.ts";
import { keepBest } from "../steps/best.ts";
import { type ImageLayout, imageLayout } from "../steps/image-layout.ts";
import { type Attempt, type BudgetTask, sweep } from "../steps/sweep.ts";
import { type Motion, move, originsOf } from "./rotation-translation/rotate.ts";

export interface RotationTranslationOptions {
  /** Angles of the grid, from one end to the other. */
  readonly rotations: number;
  /** Shifts of the grid along each side. */
  readonly translations: number;
  /** Transformations drawn at random instead of the grid, if any. */
  readonly draws: number;
}

/** The transformation of ε = 1 (§4): 30°, and 3 pixels of 28 (24 of 224), about 10 % of each side. */
const LARGEST_ANGLE = Math.PI / 6;
const LARGEST_SHIFT = 3 / 28;

/**
 * The worst rotation and translation of a picture (Engstrom et al. 2019, "Exploring the landscape of spatial robustness"): a
 * grid of 31 angles by 5 by 5 shifts, bilinear interpolation, zero padding. No ball of any norm holds these: its threat
 * model is `spatial`, where ε is a share of the largest transformation. `draws: 10` is the paper's worst-of-10.
 *
 * Differences: the largest shift scales with the sides (3 pixels of 32 there, for CIFAR-10); padding is the lower bound; a
 * sample that reaches its goal is done, where the original goes on to the worst of all that reach it.
 */
export const rotationTranslation = defineAttack<Model, RotationTranslationOptions>({
  name: "rotation-translation",
  title: "rotations and translations",
  paper: "https://arxiv.org/abs/1712.02779",
  norms: ["spatial"],
  aim: "within-epsilon",
  needs: "logits",
  defaults: { rotations: 31, translations: 5, draws: 0 },
  about: {
    rotations: "angles of the grid, evenly from one end to the other (ε = 1: ±30°)",
    translations: "shifts of the grid along each side (ε = 1: ±3/28 of the side)",
    draws: "random transformations that are tried in place of the grid; 0 for the grid",
  },
  async propose(task, options) {
    checkOptions(options);
    const shape = task.x.dims.slice(1);
    if (shape.length !== 2 && shape.length !== 3)
      throw new PerturbError(
        "usage",
        `rotation-translation turns pictures, and samples of shape [${shape}] are none. It takes [channels, height, width] or [height, width]; choose another attack, or give the model such an input.`,
        { data: { shape } },
      );
    const image = imageLayout(shape, "rotation-translation");
    return sweep(task, (one) => worst(one, image, options));
  },
});

async function worst(
  task: BudgetTask<Model>,
  image: ImageLayout,
  options: RotationTranslationOptions,
): Promise<Attempt> {
  const { model, x, goal, epsilon, indices, seed, signal } = task;
  const size = sampleSize(x);
  const best = keepBest(x, "cross-entropy");
  const grid = gridOf(options, epsilon, image);
  let rows = [...indices.keys()];
  for (let k = 0; k < (options.draws || grid.length) && rows.length > 0; k++) {
    checkSignal(signal);
    const data = new Float32Array(rows.length * size);
    const shared = options.draws > 0 ? undefined : originsOf(image, grid[k]!);
    for (const [i, row] of rows.entries()) {
      const origins = shared ?? originsOf(image, drawn(seed, indices[row]!, k, epsilon, image));
      const out = data.subarray(i * size, (i + 1) * size);
      const picture = x.data.subarray(row * size, (row + 1) * size);
      move(out, picture, image, origins, model.bounds.lower);
      task.norm.project(out, picture, epsilon, model.bounds);
    }
    const asked: FloatTensor = { type: "float32", dims: [rows.length, ...x.dims.slice(1)], data };
    best.offer(rows, asked, await model.logits(asked, take(indices, rows)), takeGoal(goal, rows));
    rows = rows.filter((row) => !best.success[row]);
  }
  return { candidates: best.points, success: best.success };
}

/** Every transformation of the grid, in the original's order. */
export function gridOf(
  { rotations, translations }: Pick<RotationTranslationOptions, "rotations" | "translations">,
  epsilon: number,
  { height, width }: Pick<ImageLayout, "height" | "width">,
): Motion[] {
  const shares = evenly(translations);
  return shares.flatMap((right) =>
    shares.flatMap((down) => evenly(rotations).map((turn) => scaled(turn, down, right, epsilon, { height, width }))),
  );
}

function drawn(seed: number, sample: number, k: number, epsilon: number, image: ImageLayout): Motion {
  const random = randomFor(seed, sample, 0, k);
  const share = () => 2 * random.uniform() - 1;
  return scaled(share(), share(), share(), epsilon, image);
}

const scaled = (
  turn: number,
  down: number,
  right: number,
  epsilon: number,
  { height, width }: Pick<ImageLayout, "height" | "width">,
): Motion => ({
  angle: turn * epsilon * LARGEST_ANGLE,
  down: down * epsilon * LARGEST_SHIFT * height,
  right: right * epsilon * LARGEST_SHIFT * width,
});

/** `count` numbers from -1 to 1; 0 alone where there is one. */
const evenly = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => (count === 1 ? 0 : (2 * i) / (count - 1) - 1));

function checkOptions({ rotations, translations, draws }: RotationTranslationOptions): void {
  for (const [name, value, least] of [
    ["rotations", rotations, 1],
    ["translations", translations, 1],
    ["draws", draws, 0],
  ] as const)
    if (!(Number.isInteger(value) && value >= least))
      throw new PerturbError("usage", `${name} must be a whole number of at least ${least}, got ${value}.`);
}
