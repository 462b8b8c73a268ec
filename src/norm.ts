import { boxed } from "./norm/boxed.ts";
import type { Norm, NormName } from "./norm/contract.ts";
import { l0 } from "./norm/l0.ts";
import { l0OfPixels } from "./norm/l0-pixels.ts";
import { l1 } from "./norm/l1.ts";
import { l2 } from "./norm/l2.ts";
import { linf } from "./norm/linf.ts";
import { pixelsOf } from "./norm/pixels.ts";
import { spatial } from "./norm/spatial.ts";

export type { Box, Norm, NormName } from "./norm/contract.ts";
export { type Cells, cellsOf, type Pixels, pixelsOf } from "./norm/pixels.ts";
export { boxed, l0, l1, l2, linf };

/** Every norm by its name. */
export const norms = { linf, l2, l1, l0, spatial } as const satisfies Record<NormName, Norm>;

/** A norm of samples of this shape: L0 counts the pixels of an image, whatever their channels, and the elements of anything else. */
export function normFor(name: NormName, shape: readonly number[]): Norm {
  const pixels = name === "l0" ? pixelsOf(shape) : null;
  return pixels ? l0OfPixels(pixels) : norms[name];
}

/** What ε counts in L0 on samples of this shape. */
export const l0Unit = (shape: readonly number[]): string => (pixelsOf(shape) ? "pixels" : "elements");
