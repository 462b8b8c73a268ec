import { again } from "../linear.ts";
import type { Interval, Line, Relaxation, RelaxationContext, Relaxations } from "../relaxation.ts";
import { f64 } from "./curve.ts";

/** Lines of slope 0 at the ends of the output: all that is known of what jumps. */
export function levelLines({ b, x, y }: RelaxationContext, { lower, upper }: Interval): { lower: Line; upper: Line } {
  const flat = b.full(0, y);
  const level = (end: string): Line => ({ gap: b.sub(f64(b, end), f64(b, y)), slopes: x.map(() => flat) });
  return { lower: level(lower), upper: level(upper) };
}

/** A function of single elements that never falls, and changes in steps alone: the kernel's own values at both ends. */
const steps = (isOpen: Relaxation["isOpen"]): Relaxation => {
  const interval = (context: RelaxationContext): Interval => {
    const at = (end: string): string => again(context, [end]);
    return { lower: at(context.x[0]!.lower), upper: at(context.x[0]!.upper) };
  };
  return { isOpen, interval, lines: (context) => levelLines(context, interval(context)) };
};

export const levelRelaxations = {
  Floor: steps((_, lower, upper) => Math.floor(lower) < Math.floor(upper)),
  Ceil: steps((_, lower, upper) => Math.ceil(lower) < Math.ceil(upper)),
  // Halves go to the even one: of that, only whether there is a half in between.
  Round: steps((_, lower, upper) => Math.floor(lower - 0.5) < Math.ceil(upper - 0.5)),
  Sign: steps((_, lower, upper) => Math.sign(lower) < Math.sign(upper)),
} satisfies Relaxations;
