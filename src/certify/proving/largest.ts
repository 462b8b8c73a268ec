import { take } from "../../model.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { type DecimalGrid, decimalGrid } from "./decimal-grid.ts";
import type { Decision, Method } from "./method.ts";

export interface LargestTask {
  readonly x: FloatTensor;
  readonly labels: Int32Array;
  /** z_label - max of the others at each sample: above 0. */
  readonly margins: Float64Array;
  /** The largest ε that is proven already, or 0, and the least at which it is known that there is no proof. */
  readonly from: Float64Array;
  readonly to: Float64Array;
  /** Beyond this ε nothing changes. */
  readonly widest: number;
  /** Significant digits of what is found. */
  readonly digits: number;
  /** Whether whole numbers alone are looked at instead. */
  readonly isWhole?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of one sample: places of the grid, with the margins there. */
interface Span {
  /** The margin at the sample itself. */
  readonly margin: number;
  low: number;
  /** NaN where this method did not try. */
  lowMargin: number;
  /** Not proven there; one place above what is searched where nothing was tried yet. */
  high: number;
  highMargin: number;
  /** How often the last answers were the same: above 0 where they were proofs. */
  streak: number;
}

const WHOLE: DecimalGrid = { at: (place) => place, below: Math.floor };
/** Of the widest ε, below which nothing is searched. */
const LEAST = 1e-6;
/** How much more a stronger method may prove. */
const GROWTH = 1.5;
/** A margin falls with ε by some power, of which two trials tell which. */
const POWER = 2.5;
/** Equal answers after which a fit is not trusted to come from the other side by itself. */
const STREAK = 2;

/**
 * The largest ε of so many digits that a method proves, from one that is proven on: a search for the root of the margin in ε, by fits of a
 * power. Gives `from` where nothing above it is proven.
 */
export async function largestProven(method: Method, task: LargestTask): Promise<Float64Array> {
  const { x, labels, margins, from, to, widest, digits, isWhole, signal } = task;
  const grid = isWhole ? WHOLE : decimalGrid(digits);
  const least = grid.below(LEAST * widest);
  const top = grid.below(widest) + 1;
  const spans = Array.from(from, (start, i): Span => {
    const low = start > 0 ? Math.max(least, grid.below(start)) : least;
    const limit = Math.min(to[i]!, widest);
    const below = grid.below(limit);
    const high = limit >= widest ? top : grid.at(below) < limit ? below + 1 : below;
    return { margin: margins[i]!, low, lowMargin: Number.NaN, high, highMargin: Number.NaN, streak: 0 };
  });
  const valueAt = (place: number): number => (place <= least ? 0 : Math.min(grid.at(place), widest));
  for (;;) {
    const open = [...spans.keys()].filter((i) => spans[i]!.high - spans[i]!.low > 1);
    if (open.length === 0) break;
    const places = open.map((i) => {
      const span = spans[i]!;
      const guess = rootOf(span, valueAt(span.low), valueAt(span.high));
      const place = guess > 0 && guess < Number.POSITIVE_INFINITY ? grid.below(guess) : (span.low + span.high) >> 1;
      return Math.min(span.high - 1, Math.max(span.low + 1, aside(span, place)));
    });
    const answers = await method.decide(
      { x: takeRows(x, open), labels: take(labels, open), epsilons: places.map(valueAt) },
      signal,
    );
    for (const [k, i] of open.entries()) narrow(spans[i]!, places[k]!, answers[k]!);
  }
  return Float64Array.from(spans, ({ low }, i) => Math.max(from[i]!, valueAt(low)));
}

/** Where the margin m - cεᵖ is 0, as far as the trials tell; NaN where they tell nothing. */
function rootOf({ margin, lowMargin, highMargin }: Span, low: number, high: number): number {
  const [atLow, atHigh] = [margin - lowMargin, margin - highMargin];
  if (atHigh === Number.POSITIVE_INFINITY) return Number.NaN;
  if (atHigh > 0 && atLow > 0) return low * (margin / atLow) ** (Math.log(high / low) / Math.log(atHigh / atLow));
  if (atHigh > 0) return high * (margin / atHigh) ** (1 / POWER);
  if (atLow > 0) return low * (margin / atLow) ** (1 / POWER);
  return low > 0 ? low * GROWTH : Number.NaN;
}

/** A place beyond the one that a fit gave, by more and more, where fits come from one side alone. */
function aside({ low, high, streak }: Span, place: number): number {
  const by = 2 ** (Math.abs(streak) - STREAK);
  if (streak > STREAK) return Math.max(place, low + by);
  return streak < -STREAK ? Math.min(place, high - by) : place;
}

function narrow(span: Span, place: number, { kind, margin }: Decision): void {
  if (kind === "proven") Object.assign(span, { low: place, lowMargin: margin, streak: Math.max(1, span.streak + 1) });
  else Object.assign(span, { high: place, highMargin: margin, streak: Math.min(-1, span.streak - 1) });
}
