import { cellsIn } from "../../norm/pixels.ts";
import type { Cells } from "../../norm.ts";
import type { Ball, Box } from "./box.ts";

/** What lines lose over the x of a box that are in its ball, too. */
export interface Least {
  /** A number that ⟨A, x - c⟩ is not below, for the coefficients A of one row, whatever x of its sample: NaN or -Infinity where nothing is known. */
  bound(slope: Float32Array, sample: number): number;
  /** Where ⟨A, x - c⟩ is about least: x - c, which the next call changes. It may be a rounding outside of the ball. */
  moves(slope: Float32Array, sample: number): Float64Array;
}

/** Elements of one sample: the size of each coefficient, and how far x may go to where its product falls. */
interface Rooms {
  readonly sizes: Float64Array;
  readonly rooms: Float64Array;
}

/** How much the products fall at most, and how far each element moves for it. */
type Fall = (rooms: Rooms, radius: number, moves: Float64Array) => number;

/** More than the share that a sum of n numbers, none below 0, is off by in float64, with a few roundings of each. */
const share = (n: number): number => (n + 32) * 2 ** -51;

/**
 * The least of ⟨A, x - c⟩ over ball and box. For a multiplier λ ≥ 0 of the norm, the least over the box of ⟨A, x - c⟩ + λ(‖x - c‖ - ε) is
 * not above it (weak duality), and λ is chosen so that it is no lower either: exact in L1, L0 and L2 up to the roundings of float64, which are allowed
 * for. @param cells of what L0 counts, by default those of the samples
 */
export function leastOver({ centre, lower, upper }: Box, ball: Ball, cells?: Cells): Least {
  const size = centre.data.length / centre.dims[0]!;
  const own: Rooms = { sizes: new Float64Array(size), rooms: new Float64Array(size) };
  const moves = new Float64Array(size);
  const fall = fallIn(ball, cells ?? cellsOf(ball, size));
  const open = (slope: Float32Array, sample: number): void => {
    for (let i = 0, at = sample * size; i < size; i++, at++) {
      const a = slope[i]!;
      const c = centre.data[at]!;
      own.sizes[i] = Math.abs(a);
      // What moves nothing has no room, also where it is infinite.
      own.rooms[i] = a === 0 ? 0 : Math.max(0, a > 0 ? c - lower.data[at]! : upper.data[at]! - c);
    }
  };
  return {
    bound(slope, sample) {
      open(slope, sample);
      let sum = 0;
      for (let i = 0; i < size; i++) sum += own.sizes[i]! * own.rooms[i]!;
      // Whatever is not finite tells nothing, of which the box alone is the more careful.
      const radius = ball.radii[sample]!;
      if (!(Number.isFinite(sum) && radius >= 0)) return Number.isFinite(radius) ? -sum : Number.NaN;
      const least = Math.min(sum, fall(own, radius, moves));
      return -least * (1 + share(size));
    },
    moves(slope, sample) {
      open(slope, sample);
      fall(own, ball.radii[sample]!, moves);
      for (let i = 0; i < size; i++) if (slope[i]! > 0) moves[i] = -moves[i]!;
      return moves;
    },
  };
}

const cellsOf = ({ pixels }: Ball, size: number): Cells =>
  pixels ? cellsIn(pixels) : { count: size, channels: 1, at: (p) => p };

function fallIn({ norm }: Ball, cells: Cells): Fall {
  if (norm === "l1") return fallInL1;
  return norm === "l2" ? fallInL2 : fallInL0(cells);
}

/** The whole budget on the largest coefficient until it meets the box, then on the next. */
const fallInL1: Fall = ({ sizes, rooms }, radius, moves) => {
  const λ = threshold(sizes, rooms, radius);
  let sum = λ * radius;
  let budget = radius;
  for (let i = 0; i < sizes.length; i++) {
    moves[i] = 0;
    if (!(sizes[i]! > λ)) continue;
    sum += (sizes[i]! - λ) * rooms[i]!;
    moves[i] = rooms[i]!;
    budget -= rooms[i]!;
  }
  for (let i = 0; i < sizes.length && budget > 0; i++) {
    if (sizes[i] !== λ) continue;
    moves[i] = Math.min(budget, rooms[i]!);
    budget -= moves[i]!;
  }
  return sum;
};

/** In each cell that moves, every element as far as it may: those with the largest sums. */
const fallInL0 =
  ({ count, channels, at }: Cells): Fall =>
  ({ sizes, rooms }, radius, moves) => {
    const gains = new Float64Array(count);
    for (let p = 0; p < count; p++) for (let c = 0; c < channels; c++) gains[p]! += sizes[at(p, c)]! * rooms[at(p, c)]!;
    const budget = Math.floor(radius);
    const λ = threshold(gains, new Float64Array(count).fill(1), budget);
    let sum = λ * budget;
    let left = budget;
    moves.fill(0);
    const move = (p: number): void => {
      left--;
      for (let c = 0; c < channels; c++) moves[at(p, c)] = rooms[at(p, c)]!;
    };
    for (let p = 0; p < count; p++) {
      if (!(gains[p]! > λ)) continue;
      sum += gains[p]! - λ;
      move(p);
    }
    for (let p = 0; p < count && left > 0; p++) if (gains[p] === λ && λ > 0) move(p);
    return sum;
  };

/**
 * Element i moves by min(t·|A_i|, its room), where t spends the budget: with λ = 1/2t and the norm squared, Σ of
 * the most of |A_i|·d - d²/2t, and ε²/2t. Any t is sound.
 */
const fallInL2: Fall = ({ sizes, rooms }, radius, moves) => {
  const n = sizes.length;
  let [t, budget, free, before] = [0, radius * radius, -1, -2];
  // What meets the box only ever becomes more.
  while (free !== before) {
    let slope = 0;
    budget = radius * radius;
    before = free;
    free = 0;
    for (let i = 0; i < n; i++) {
      if (t > 0 ? t * sizes[i]! > rooms[i]! : rooms[i] === 0) budget -= rooms[i]! * rooms[i]!;
      else {
        slope += sizes[i]! * sizes[i]!;
        free++;
      }
    }
    const next = Math.sqrt(budget / slope);
    if (!(budget > 0 && slope > 0 && next < Number.POSITIVE_INFINITY)) break;
    t = next;
  }
  moves.fill(0);
  if (!(t > 0)) return slopeless(sizes, rooms, radius);
  let sum = (radius * radius) / (2 * t);
  for (let i = 0; i < n; i++) {
    const [a, room] = [sizes[i]!, rooms[i]!];
    if (room === 0) continue;
    moves[i] = Math.min(t * a, room);
    sum += t * a > room ? a * room - (room * room) / (2 * t) : (t * a * a) / 2;
  }
  return sum;
};

/** Where no multiplier was found: the length of all that can move, times ε (Hölder). */
function slopeless(sizes: Float64Array, rooms: Float64Array, radius: number): number {
  let squares = 0;
  for (let i = 0; i < sizes.length; i++) if (rooms[i]! > 0) squares += sizes[i]! * sizes[i]!;
  return Math.sqrt(squares) * radius;
}

/** The largest key λ, or 0, for which the weights of all keys above it are within a budget, and those of all from it on are not. */
function threshold(keys: Float64Array, weights: Float64Array, budget: number): number {
  let open = new Uint32Array(keys.length);
  let count = 0;
  for (let i = 0; i < keys.length; i++) if (keys[i]! > 0 && weights[i]! > 0) open[count++] = i;
  let spent = 0;
  let other = new Uint32Array(count);
  while (count > 0) {
    const pivot = keys[open[count >> 1]!]!;
    let [above, equal, more] = [0, 0, 0];
    for (let k = 0; k < count; k++) {
      const i = open[k]!;
      if (keys[i]! > pivot) {
        above += weights[i]!;
        other[more++] = i;
      } else if (keys[i] === pivot) equal += weights[i]!;
    }
    if (spent + above > budget) {
      [open, other] = [other, open];
      count = more;
      continue;
    }
    if (spent + above + equal > budget) return pivot;
    spent += above + equal;
    let less = 0;
    for (let k = 0; k < count; k++) if (keys[open[k]!]! < pivot) other[less++] = open[k]!;
    [open, other] = [other, open];
    count = less;
  }
  return 0;
}
