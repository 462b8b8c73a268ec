import { PerturbError } from "../../errors.ts";
import { layoutOf } from "../../layout.ts";

/** Where the elements of one sample lie when it is seen as an image: offset = c·channelStep + y·rowStep + x·columnStep. */
export interface ImageLayout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly channelStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/**
 * [C, H, W]; [H, W, C] where only the last can be a number of channels (1, 3 or 4); [H, W]; [features], which is
 * an image of one row. @throws usage for more dimensions
 */
export function imageLayout(shape: readonly number[], attack: string): ImageLayout {
  if (shape.length > 3)
    throw new PerturbError(
      "usage",
      `${attack} changes pixels of images, and samples of shape [${shape}] are none. It takes [channels, height, width], [height, width] or [features]; choose another attack, or give the model such an input.`,
      { data: { shape } },
    );
  const [a, b, c] = [1, 1, 1, ...shape].slice(-3) as [number, number, number];
  return layoutOf(shape) === "channels-last"
    ? { channels: c, height: a, width: b, channelStep: 1, rowStep: b * c, columnStep: c }
    : { channels: a, height: b, width: c, channelStep: b * c, rowStep: c, columnStep: 1 };
}
