import { mkdir, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { predict } from "../attack.ts";
import { epsilonName } from "../epsilons.ts";
import { PerturbError } from "../errors.ts";
import type { AdversarialBatch } from "../evaluate/adversarial.ts";
import { goalOf } from "../evaluate/course/batch.ts";
import { onGrid } from "../grid.ts";
import { layoutOf } from "../layout.ts";
import { type Model, reached, take, takeGoal } from "../model.ts";
import { type FloatTensor, product, sampleSize, takeRows } from "../tensor.ts";
import type { Pipeline } from "./opening/opened.ts";

/** @throws usage for samples that are no pictures */
export function requirePictures(shape: readonly number[]): void {
  const channels = layoutOf(shape) === "channels-last" ? shape[2] : shape[0];
  if (shape.length === 3 && (channels === 1 || channels === 3)) return;
  throw new PerturbError(
    "usage",
    `--png needs samples of shape [1, H, W], [3, H, W], [H, W, 1] or [H, W, 3], and the model takes [${shape}]. Leave out --png.`,
  );
}

interface PictureOptions {
  readonly target: number | null;
  readonly exact: boolean;
  /** How a file becomes an answer, where the pictures have another size than the input of the network. */
  readonly pipeline?: Pipeline | undefined;
  /** The file of each sample, where it is known. */
  readonly sourceOf: (index: number) => string | undefined;
}

/** The name of a file without its folders and ending, fit to be part of another. */
const sourceName = (source: string): string =>
  basename(source, extname(source))
    .replace(/[^\p{L}\p{N}._-]+/gu, "_")
    .slice(0, 80);

/**
 * Writes a PNG for each success, in a folder for its label, reads each file back, and runs the model on what it holds: the number of those that
 * still reach the goal. `exact`: the pixels were judged on the grid of 8 bits, and the files must hold them as they are.
 * @throws internal where they do not
 */
export async function writePictures(
  folder: string,
  result: AdversarialBatch,
  model: Model,
  { target, exact, pipeline, sourceOf }: PictureOptions,
): Promise<number> {
  const { epsilon, batch, adversarial, predictions, success } = result;
  const rows = [...success.keys()].filter((i) => success[i] === 1);
  if (rows.length === 0) return 0;
  const [{ toPixels }, { encodePng }, { readImage }] = await Promise.all([
    import("../report/pictures/picture.ts"),
    import("../report/pictures/png.ts"),
    import("../datasets/image.node.ts"),
  ]);
  const budget = `eps-${epsilonName(epsilon)}`;
  const inside = join(folder, budget);
  for (const label of new Set(rows.map((i) => batch.labels[i]!)))
    await mkdir(join(inside, String(label)), { recursive: true });
  const shape = adversarial.dims.slice(1);
  const size = sampleSize(adversarial);
  const { lower, upper } = model.bounds;
  const held: FloatTensor = takeRows(adversarial, rows);
  const paths: string[] = [];
  for (const [k, i] of rows.entries()) {
    const index = batch.indices[i]!;
    const file = sourceOf(index);
    const source = file === undefined ? "" : `-${sourceName(file)}`;
    const name = `${String(index).padStart(6, "0")}-${batch.labels[i]}-to-${predictions[i]}-${budget}${source}.png`;
    const path = join(inside, String(batch.labels[i]), name);
    paths.push(path);
    await writeFile(
      path,
      encodePng(toPixels(shape, adversarial.data.subarray(i * size, (i + 1) * size), model.bounds)),
    );
    const { x } = await readImage(path, shape);
    held.data.set(
      x.data.map((v) => onGrid(lower + v * (upper - lower), model.bounds, 256)),
      k * size,
    );
  }
  if (exact && held.data.some((v, j) => v !== adversarial.data[rows[Math.floor(j / size)]! * size + (j % size)]))
    throw new PerturbError("internal", `The PNG files in ${inside} do not hold the pixels that were judged.`);
  const goal = takeGoal(goalOf(batch.labels, target), rows);
  const indices = take(batch.indices, rows);
  const seen = predict(
    await (pipeline
      ? pipeline.model.logits(await throughPipeline(paths, pipeline), indices)
      : model.logits(held, indices)),
  );
  return seen.filter((p, k) => p >= 0 && reached(goal, k, p)).length;
}

/** What the network gets of the pictures in files. */
async function throughPipeline(paths: readonly string[], { model, steps }: Pipeline): Promise<FloatTensor> {
  const { readImage } = await import("../datasets/image.node.ts");
  const shape = model.inputShape;
  const size = product(shape);
  const data = new Float32Array(paths.length * size);
  for (const [k, path] of paths.entries()) data.set((await readImage(path, shape, { steps })).x.data, k * size);
  return { type: "float32", dims: [paths.length, ...shape], data };
}
