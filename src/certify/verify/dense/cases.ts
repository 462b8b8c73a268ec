import { around } from "../../bounds/box.ts";
import type { Case } from "../property.ts";
import { type Conditions, conditionsOf } from "../witness.ts";
import type { Forms, Line } from "./forms.ts";

/** What bounds over a box say of a case that they do not prove. */
export interface Room {
  /** Where a counterexample can be, if there is one: float32 numbers. Empty where an end passes the other. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** The slopes of the line that is nearest to a proof. */
  readonly slopes: Float64Array;
}

/** Steps towards the best weights of several conditions. */
const STEPS = 24;
/** Steps of the lines below open neurons. */
const RAISES = 4;
/** Conditions that are weighed: no more than `Forms.line` allows to be added up. */
const MOST = 24;

/** One case of a property, over boxes of which forms are known. */
export class CaseBounds {
  readonly conditions: Conditions;

  constructor(of: Case, outputs: number) {
    this.conditions = conditionsOf(of, outputs);
  }

  /**
   * Undefined where no input of the box fulfils all conditions. Each has a line that is below it: all lines must be below their limits at a counterexample, and so must any sum of
   * them with weights above 0.
   */
  room(
    forms: Forms,
    box: { readonly lower: Float32Array; readonly upper: Float32Array },
    costs: Float64Array,
  ): Room | undefined {
    const { rows, limits } = this.conditions;
    const [lower, upper] = [box.lower.slice(), box.upper.slice()];
    const lines: Line[] = [];
    for (const [k, row] of rows.entries()) {
      const line = forms.line({ row, parts: row.map(Math.abs), limit: limits[k]! });
      if (isAbove(line.least, limits[k]!)) return undefined;
      lines.push(line);
      if (!narrow(forms, line, limits[k]!, { lower, upper })) return undefined;
    }
    if (rows.length === 0) return { lower, upper, slopes: new Float64Array(forms.inputs) };
    const weights = weightsOf(lines, limits, forms.half);
    const sum = (of: (k: number) => ArrayLike<number>) =>
      rows[0]!.map((_, i) => weights.reduce((all, w, k) => all + w * of(k)[i]!, 0));
    const limit = weights.reduce((all, w, k) => all + w * limits[k]!, 0);
    const line = forms.line({
      row: sum((k) => rows[k]!),
      parts: sum((k) => rows[k]!.map(Math.abs)),
      limit,
      steps: RAISES,
    });
    const size = weights.reduce((all, w, k) => all + w * Math.abs(limits[k]!), 0);
    if (isAbove(line.least, limit, size)) return undefined;
    if (!narrow(forms, line, limit, { lower, upper })) return undefined;
    forms.addCosts(costs);
    return { lower, upper, slopes: line.slopes };
  }
}

/** Of float64, a difference that is above 0 by less than this may be 0. */
const slack = (size: number): number => 1e-12 * Math.max(1, size);
const isAbove = (least: number, limit: number, size = Math.abs(limit)): boolean => least - limit > slack(size);

/** Leaves out what a line is above its limit at. Whether something is left. */
function narrow(
  forms: Forms,
  { least, slopes }: Line,
  limit: number,
  { lower, upper }: { readonly lower: Float32Array; readonly upper: Float32Array },
): boolean {
  const { centre, half } = forms;
  const room = limit - least + slack(Math.abs(limit));
  if (!(room < Number.POSITIVE_INFINITY)) return true;
  for (let i = 0; i < lower.length; i++) {
    const a = Math.abs(slopes[i]!);
    // From the end at which the line is lowest, so far may it rise.
    const far = (room / a) * (1 + 1e-12) + 1e-15 * (Math.abs(centre[i]!) + half[i]!);
    if (!(far < 2 * half[i]!)) continue;
    if (slopes[i]! > 0) upper[i] = Math.min(upper[i]!, notAbove(centre[i]! - half[i]! + far));
    else lower[i] = Math.max(lower[i]!, -notAbove(far - half[i]! - centre[i]!));
    if (lower[i]! > upper[i]!) return false;
  }
  return true;
}

/** Weights, of sum 1, with which the lines together are far above their limits: ascent of Σ weights·(line - limit) at its least, over the simplex. */
function weightsOf(lines: readonly Line[], limits: readonly number[], half: Float64Array): number[] {
  const n = lines.length;
  const starts = lines.map(
    ({ least, slopes }, k) => slopes.reduce((sum, a, i) => sum + Math.abs(a) * half[i]!, least) - limits[k]!,
  );
  const lowestOf = (w: readonly number[]): { value: number; slopes: number[] } => {
    const slopes = starts.slice();
    let value = w.reduce((sum, by, k) => sum + by * starts[k]!, 0);
    for (let i = 0; i < half.length; i++) {
      const a = lines.reduce((sum, line, k) => sum + w[k]! * line.slopes[i]!, 0);
      value -= Math.abs(a) * half[i]!;
      const side = Math.sign(a) * half[i]!;
      for (let k = 0; k < n; k++) slopes[k]! -= side * lines[k]!.slopes[i]!;
    }
    return { value, slopes };
  };
  const single = lines.reduce(
    (best, { least }, k) => (least - limits[k]! > lines[best]!.least - limits[best]! ? k : best),
    0,
  );
  let best: { weights: number[]; value: number } = {
    weights: lines.map((_, k) => (k === single ? 1 : 0)),
    value: lines[single]!.least - limits[single]!,
  };
  let weights = lines.map(() => 1 / n);
  for (let step = 1; n > 1 && n <= MOST && step <= STEPS; step++) {
    const { value, slopes } = lowestOf(weights);
    if (value > best.value) best = { weights, value };
    const largest = Math.max(...slopes.map(Math.abs));
    if (!(largest > 0 && largest < Number.POSITIVE_INFINITY)) break;
    const raised = weights.map((w, k) => Math.max(w, 1e-6) * Math.exp((2 / Math.sqrt(step)) * (slopes[k]! / largest)));
    const all = raised.reduce((sum, w) => sum + w, 0);
    weights = raised.map((w) => w / all);
  }
  return best.weights;
}

/** The largest float32 number that is not above a float64 one. */
const notAbove = (value: number): number => around(value)[0];
