import type { ImageLayout } from "../../steps/image-layout.ts";

/** A rotation about the centre of the image, then a translation. */
export interface Motion {
  /** Counter-clockwise as seen, in radians. */
  readonly angle: number;
  /** In pixels. */
  readonly down: number;
  readonly right: number;
}

/** Where each pixel of a moved picture comes from: four pixels, by bilinear interpolation between their centres. */
export interface Origins {
  /** Four offsets into a channel for each pixel; 0 where the weight is. */
  readonly from: Int32Array;
  readonly weights: Float64Array;
  /** The share of each pixel that lies outside of the picture. */
  readonly outside: Float64Array;
}

/** What a sine of a quarter turn may be off by: such a turn takes whole pixels to whole pixels. */
const ROUNDING = 1e-9;

/** Where the pixels of a picture come from that is moved so, row by row. */
export function originsOf(image: ImageLayout, { angle, down, right }: Motion): Origins {
  const { height, width, rowStep, columnStep } = image;
  const from = new Int32Array(4 * height * width);
  const weights = new Float64Array(4 * height * width);
  const outside = new Float64Array(height * width);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  for (let pixel = 0; pixel < outside.length; pixel++) {
    // Rows count downwards: the inverse of a counter-clockwise turn is this one.
    const v = Math.floor(pixel / width) - down - middleY;
    const u = (pixel % width) - right - middleX;
    const y = middleY + cos * v + sin * u;
    const x = middleX - sin * v + cos * u;
    const top = Math.floor(y + ROUNDING);
    const left = Math.floor(x + ROUNDING);
    const below = y - top > ROUNDING ? y - top : 0;
    const beside = x - left > ROUNDING ? x - left : 0;
    for (let corner = 0; corner < 4; corner++) {
      const [row, column] = [top + (corner >> 1), left + (corner & 1)];
      const weight = (corner >> 1 ? below : 1 - below) * (corner & 1 ? beside : 1 - beside);
      if (row < 0 || row >= height || column < 0 || column >= width) {
        outside[pixel]! += weight;
        continue;
      }
      from[4 * pixel + corner] = row * rowStep + column * columnStep;
      weights[4 * pixel + corner] = weight;
    }
  }
  return { from, weights, outside };
}

/** The picture `picture` moved, into `out`. What comes from outside of it is `background`. */
export function move(
  out: Float32Array,
  picture: Float32Array,
  { channels, width, channelStep, rowStep, columnStep }: ImageLayout,
  { from, weights, outside }: Origins,
  background: number,
): void {
  for (let c = 0, channel = 0; c < channels; c++, channel += channelStep) {
    for (let pixel = 0, row = channel; pixel < outside.length; row += rowStep) {
      for (let x = 0, to = row; x < width; x++, to += columnStep, pixel++) {
        const k = 4 * pixel;
        out[to] =
          background * outside[pixel]! +
          weights[k]! * picture[channel + from[k]!]! +
          weights[k + 1]! * picture[channel + from[k + 1]!]! +
          weights[k + 2]! * picture[channel + from[k + 2]!]! +
          weights[k + 3]! * picture[channel + from[k + 3]!]!;
      }
    }
  }
}
