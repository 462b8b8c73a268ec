import { philox } from "../../random.ts";

/** Layers of equal area under the normal density: of the lowest one, everything beyond TAIL is a part. */
const LAYERS = 256;
/** Where the tail begins, and the area of a layer, of exp(-x²/2) (Marsaglia and Tsang 2000, Journal of Statistical Software 5(8), p. 4). */
const TAIL = 3.6541528853610088;
const AREA = 0.00492867323399;

/** How far each layer reaches, from the lowest one, which is as wide as a box of its area; and then 0. */
const EDGES = edges();
/** What half an integer of 32 bits is multiplied by to lie in a layer. */
const WIDTHS = EDGES.map((edge) => edge * 2 ** -31);

function edges(): Float64Array {
  const at = new Float64Array(LAYERS + 1);
  at[0] = AREA / density(TAIL);
  at[1] = TAIL;
  for (let i = 2; i < LAYERS; i++) at[i] = Math.sqrt(-2 * Math.log(AREA / at[i - 1]! + density(at[i - 1]!)));
  return at;
}

function density(z: number): number {
  return Math.exp(-0.5 * z * z);
}

/** xoshiro128++ 1.0 (Blackman and Vigna 2021, ACM Transactions on Mathematical Software 47(4), §5). */
export class Xoshiro {
  readonly #state: Int32Array;

  /** @param state four words, not all of them 0 */
  constructor(state: ArrayLike<number>) {
    this.#state = Int32Array.from(state);
  }

  /** Fills the first `count` elements with the next words of 32 bits, taken as signed. */
  fill(out: Int32Array, count: number): void {
    const state = this.#state;
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    for (let i = 0; i < count; i++) {
      const sum = (a + d) | 0;
      out[i] = ((sum << 7) | (sum >>> 25)) + a;
      const shifted = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= shifted;
      d = (d << 11) | (d >>> 21);
    }
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  }

  /** The next word. */
  next(): number {
    this.fill(ONE, 1);
    return ONE[0]!;
  }

  /** Uniform in (0, 1), 32 bits. */
  open(): number {
    return ((this.next() >>> 0) + 0.5) * 2 ** -32;
  }
}

const ONE = new Int32Array(1);
/** Numbers whose words are made at a time: one word gives the layers of four. */
const AT_ONCE = 1024;
const WORDS = new Int32Array(AT_ONCE + AT_ONCE / 4);

/**
 * Fills `out` from `start` up to `end` with standard normal numbers, rounded to float32, by the ziggurat of Marsaglia and Tsang (2000). 8 bits choose
 * a layer and 32 others the place in it (Doornik 2005, An Improved Ziggurat Method to Generate Normal Random Samples). They come from xoshiro128++,
 * which begins at a block of Philox: numbers depend on `key` alone.
 * @param key seed below 2^53, sample, stream, and number of the draw
 */
export function fillNormals(
  out: Float32Array,
  [start, end]: readonly [number, number],
  [seed, sample, stream, draw]: readonly [number, number, number, number],
): void {
  const source = new Xoshiro(startOf(philox([0, draw, stream, sample], [seed | 0, Math.floor(seed / 2 ** 32) | 0])));
  for (let from = start; from < end; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, end - from);
    source.fill(WORDS, count + ((count + 3) >> 2));
    for (let i = 0, layers = 0; i < count; i++, layers >>>= 8) {
      if ((i & 3) === 0) layers = WORDS[count + (i >> 2)]!;
      const layer = layers & 255;
      const z = (WORDS[i]! + 0.5) * WIDTHS[layer]!;
      out[from + i] = Math.abs(z) < EDGES[layer + 1]! ? z : beyond(source, layer, z);
    }
  }
}

/** What is not surely below the density: one of 80 numbers. */
function beyond(source: Xoshiro, layer: number, z: number): number {
  for (;;) {
    if (layer === 0) {
      if (Math.abs(z) < TAIL) return z;
      return Math.sign(z) * tail(source);
    }
    const [low, high] = [density(EDGES[layer]!), density(EDGES[layer + 1]!)];
    if (Math.abs(z) < EDGES[layer + 1]! || low + source.open() * (high - low) < density(z)) return z;
    layer = source.next() & 255;
    z = (source.next() + 0.5) * WIDTHS[layer]!;
  }
}

/** Beyond TAIL (Marsaglia 1964, Technometrics 6(1), 101-102). */
function tail(source: Xoshiro): number {
  for (;;) {
    const x = -Math.log(source.open()) / TAIL;
    const y = -Math.log(source.open());
    if (2 * y > x * x) return TAIL + x;
  }
}

/** Any state but that of zeros, at which the generator would stay. */
function startOf(block: Uint32Array): Uint32Array {
  return block.some((word) => word !== 0) ? block : Uint32Array.of(1, 0, 0, 0);
}
