import type { Note } from "../option.ts";
import { product } from "../tensor.ts";
import { type ImageShape, readImageShape } from "./decode-image.node.ts";

/** How pictures are taken at their own size: with so many channels, by default those of the first. */
export interface OwnSize {
  readonly channels?: 1 | 3 | undefined;
}

/** Files whose heads are read at a time. */
const CONCURRENCY = 16;
/** Sizes that a note names. */
const NAMED = 6;

/** [channels, height, width] of each picture, the same array for the same shape. @throws as `readImageShape` */
export async function ownShapes(paths: readonly string[], { channels }: OwnSize): Promise<ImageShape[]> {
  const known = new Map<string, ImageShape>();
  const shapes: ImageShape[] = [];
  let wanted = channels;
  for (let at = 0; at < paths.length; at += CONCURRENCY)
    for (const [own, height, width] of await Promise.all(paths.slice(at, at + CONCURRENCY).map(readImageShape))) {
      wanted ??= own === 1 ? 1 : 3;
      const shape: ImageShape = [wanted, height, width];
      shapes.push(known.get(String(shape)) ?? shape);
      known.set(String(shape), shapes.at(-1)!);
    }
  return shapes;
}

/** The largest of these shapes. */
export const largest = (shapes: readonly ImageShape[]): ImageShape =>
  shapes.reduce((most, shape) => (product(shape) > product(most) ? shape : most));

/** That a set has several sizes; undefined where it has one. */
export function sizesNote(name: string, shapes: readonly ImageShape[]): Note | undefined {
  const counts = new Map<string, number>();
  for (const [, height, width] of shapes)
    counts.set(`${width} × ${height}`, (counts.get(`${width} × ${height}`) ?? 0) + 1);
  if (counts.size === 1) return undefined;
  const sizes = [...counts].sort((a, b) => b[1] - a[1]);
  const named = sizes
    .slice(0, NAMED)
    .map(([size, count]) => `${size} (${count} ${count === 1 ? "picture" : "pictures"})`);
  return {
    code: "picture-sizes",
    message: `The pictures of ${name} have ${sizes.length} sizes: ${named.join(", ")}${sizes.length > NAMED ? `, and ${sizes.length - NAMED} more` : ""}. Each is attacked at its own size. In L2, L1 and L0, the same ε allows less in a larger picture.`,
  };
}
