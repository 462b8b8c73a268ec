/**
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", table 2): a counter-based generator.
 * A draw is a function of (seed, sample, stream, position), so no result depends on batches, order or workers.
 */
const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** One block: four 32-bit words from a 128-bit counter and a 64-bit key. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): Uint32Array {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const lo0 = Math.imul(M0, c0);
    const lo1 = Math.imul(M1, c2);
    const hi0 = mulHigh(M0, c0);
    const hi1 = mulHigh(M1, c2);
    [c0, c1, c2, c3] = [hi1 ^ c1 ^ k0, lo1, hi0 ^ c3 ^ k1, lo0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return Uint32Array.of(c0, c1, c2, c3);
}

/** The upper 32 bits of the product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const carry = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** A stream of draws. */
export interface Random {
  /** A 32-bit unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1), 24 bits. */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Uniform in 0 … n - 1, unbiased. */
  integer(n: number): number;
}

/**
 * The stream of draws of one sample: `seed` any integer below 2^53, `sample` the index in the data set,
 * `stream` the restart or purpose, `step` the iteration.
 */
export function randomFor(seed: number, sample: number, stream = 0, step = 0): Random {
  const key: [number, number] = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  let block: Uint32Array = new Uint32Array(0);
  let used = 0;
  let position = 0;
  let spare: number | undefined;
  const uint32 = (): number => {
    if (used === block.length) {
      block = philox([position++, step, stream, sample], key);
      used = 0;
    }
    return block[used++]!;
  };
  const uniform = (): number => (uint32() >>> 8) * 2 ** -24;
  const normal = (): number => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log((uint32() + 1) * 2 ** -32));
    const angle = 2 * Math.PI * uint32() * 2 ** -32;
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const integer = (n: number): number => {
    const limit = 2 ** 32 - (2 ** 32 % n);
    let value = uint32();
    while (value >= limit) value = uint32();
    return value % n;
  };
  return { uint32, uniform, normal, integer };
}
