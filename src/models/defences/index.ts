import type { Defence } from "../defence.ts";
import { bits } from "./bits.ts";
import { jpeg } from "./jpeg.ts";
import { median } from "./median.ts";
import { noise } from "./noise.ts";
import { resizePad } from "./resize-pad.ts";
import { thermometer } from "./thermometer.ts";

/** Every defence by its name. */
export const defences = { jpeg, bits, median, "resize-pad": resizePad, noise, thermometer } as const satisfies Record<
  string,
  Defence
>;

export type DefenceName = keyof typeof defences;
