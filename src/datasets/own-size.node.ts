import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { type ImageShape, readImageShape } from "./decode-image.node.ts";

/** How pictures are taken at their own size: with so many channels, by default those of the first. */
export interface OwnSize {
  readonly channels?: 1 | 3 | undefined;
}

/** Files whose heads are read at a time. */
const CONCURRENCY = 16;
/** Sizes that a message names. */
const NAMED = 6;

/** [channels, height, width] of all pictures. @throws mismatch where they have several sizes; as `readImageShape` */
export async function ownShape(folder: string, paths: readonly string[], { channels }: OwnSize): Promise<ImageShape> {
  const counts = new Map<string, number>();
  let first: ImageShape | undefined;
  for (let at = 0; at < paths.length; at += CONCURRENCY)
    for (const shape of await Promise.all(paths.slice(at, at + CONCURRENCY).map(readImageShape))) {
      first ??= shape;
      const size = `${shape[2]} × ${shape[1]}`;
      counts.set(size, (counts.get(size) ?? 0) + 1);
    }
  const [own, height, width] = first!;
  if (counts.size === 1) return [channels ?? (own === 1 ? 1 : 3), height, width];
  const sizes = [...counts].sort((a, b) => b[1] - a[1]);
  const more = sizes.length > NAMED ? `, and ${sizes.length - NAMED} more` : "";
  throw new PerturbError(
    "mismatch",
    `The pictures of ${folder} have ${sizes.length} sizes, and those of a run have one where they are perturbed at their own size: ${sizes
      .slice(0, NAMED)
      .map(([size, count]) => `${size} (${count} ${count === 1 ? "picture" : "pictures"})`)
      .join(
        ", ",
      )}${more}. Give those of one size, in a folder with the same class folders, or leave out ${option("perturb", "picture")}.`,
    { data: { folder, sizes: Object.fromEntries(sizes) } },
  );
}
