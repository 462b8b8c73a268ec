import type { Bounds } from "../../../src/model.ts";
import type { NormName } from "../../../src/norm.ts";
import { product } from "../../../src/tensor.ts";

/** How ε is offered in a norm, in the units of the model's input. */
export interface Budget {
  readonly initial: number;
  /** The end of the slider; more can be typed. */
  readonly max: number;
  readonly step: number;
  /** L0 counts elements. */
  readonly whole: boolean;
}

/** ε that is usual for digits, and for colour pictures of 3 x 32 x 32, of which L2, L1 and L0 grow with the input. */
const DIGITS = { linf: 0.2, l2: 2, l1: 12, l0: 20 } as const;
const COLOUR = { linf: 8 / 255, l2: 0.5, l1: 12, l0: 24 } as const;
const COLOUR_SIZE = 3 * 32 * 32;

/** A sensible ε and its range for inputs of this shape. */
export function budgetOf(norm: NormName, shape: readonly number[], { lower, upper }: Bounds): Budget {
  if (norm === "spatial") return { initial: 1, max: 1, step: 0.01, whole: false };
  const size = product(shape);
  const digits = size <= 1024;
  const usual = (digits ? DIGITS : COLOUR)[norm];
  if (norm === "l0") {
    const elements = digits ? usual : Math.round((usual * size) / COLOUR_SIZE);
    return { initial: Math.min(size, elements), max: Math.min(size, 10 * elements), step: 1, whole: true };
  }
  const range = upper - lower;
  if (norm === "linf") return { initial: usual * range, max: 0.5 * range, step: 0.001 * range, whole: false };
  const initial = tidy(usual * range * (digits ? 1 : Math.sqrt(size / COLOUR_SIZE)));
  return { initial, max: 5 * initial, step: initial / 100, whole: false };
}

const tidy = (value: number): number => Number(value.toPrecision(2));
