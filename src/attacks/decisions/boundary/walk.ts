import type { Box } from "../../../norm.ts";
import type { Random } from "../../../random.ts";
import { clip } from "../../steps/decision.ts";

/** The lengths of the orthogonal step and of the one towards x, as parts of the distance from x. */
export interface Lengths {
  readonly spherical: number;
  readonly source: number;
}

/** Draws a proposal into `candidate`, and the point before its step towards x into `onSphere`. */
export type Propose = (
  candidate: Float32Array,
  onSphere: Float32Array,
  x: Float32Array,
  point: Float32Array,
  lengths: Lengths,
  random: Random,
) => void;

/** Proposals for samples of `size` elements in float64, then clipped to the bounds. */
export function proposals(size: number, bounds: Box): Propose {
  const direction = new Float64Array(size);
  return (candidate, onSphere, x, point, { spherical, source }, random) => {
    let squares = 0;
    let along = 0;
    for (let j = 0; j < size; j++) {
      const from = point[j]! - x[j]!;
      const draw = random.normal();
      direction[j] = draw;
      squares += from * from;
      along += draw * from;
    }
    let lengthSquared = 0;
    for (let j = 0; j < size; j++) {
      const orthogonal = direction[j]! - (along / squares) * (point[j]! - x[j]!);
      direction[j] = orthogonal;
      lengthSquared += orthogonal * orthogonal;
    }
    const radius = Math.sqrt(squares);
    const turn = lengthSquared > 0 ? (spherical * radius) / Math.sqrt(lengthSquared) : 0;
    const shrink = 1 / Math.sqrt(spherical ** 2 + 1);
    for (let j = 0; j < size; j++) onSphere[j] = x[j]! + shrink * (point[j]! - x[j]! + turn * direction[j]!);
    clip(onSphere, bounds);
    let left = 0;
    for (let j = 0; j < size; j++) left += (onSphere[j]! - x[j]!) ** 2;
    left = Math.sqrt(left);
    // What clipping has brought it nearer already is not gone again.
    const towards = left > 0 ? Math.max(0, source * radius + left - radius) / left : 0;
    for (let j = 0; j < size; j++) candidate[j] = onSphere[j]! + towards * (x[j]! - onSphere[j]!);
    clip(candidate, bounds);
  };
}

/** When a length changes: by the share of success among the last `outcomes`, above or below these. */
export interface Thresholds {
  readonly outcomes: number;
  readonly above: number;
  readonly below: number;
}

/** Takes outcomes, 0 or 1, and says after each whether a length is to grow (1), to shrink (-1) or to stay (0). */
export function verdicts({ outcomes, above, below }: Thresholds): (outcome: number) => number {
  const recent = new Uint8Array(outcomes);
  let [taken, sum] = [0, 0];
  return (outcome) => {
    const at = taken++ % outcomes;
    sum += outcome - (taken > outcomes ? recent[at]! : 0);
    recent[at] = outcome;
    if (taken < outcomes) return 0;
    const verdict = Number(sum / outcomes > above) - Number(sum / outcomes < below);
    if (verdict !== 0) taken = sum = 0;
    return verdict;
  };
}
