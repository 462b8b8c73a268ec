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
  [c0, c1, c2, c3]: readonly [number, number, number, number],
  [k0, k1]: readonly [number, number],
): Uint32Array {
  const block = new Uint32Array(4);
  philoxInto(block, c0, c1, c2, c3, k0, k1);
  return block;
}

/** Draws are the hot loop of attacks without gradients: nothing is allocated, and words stay signed until they are stored. */
function philoxInto(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  for (let round = 0; round < 10; round++) {
    const hi0 = mulHigh(M0, c0);
    const hi1 = mulHigh(M1, c2);
    const lo0 = Math.imul(M0, c0);
    c0 = hi1 ^ c1 ^ k0;
    c1 = Math.imul(M1, c2);
    c2 = hi0 ^ c3 ^ k1;
    c3 = lo0;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The upper 32 bits of the product of two 32-bit integers, taken as unsigned; itself signed. */
function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const low = Math.imul(a0, b0) >>> 16;
  // Neither sum exceeds 32 bits: each adds 16 bits to a product of two numbers of 16 bits.
  const middle = (Math.imul(a1, b0) + low) >>> 0;
  const carry = (Math.imul(a0, b1) + (middle & 0xffff)) >>> 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (carry >>> 16)) | 0;
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
  const [k0, k1] = [seed | 0, Math.floor(seed / 2 ** 32) | 0];
  const block = new Uint32Array(4);
  let used = 4;
  let position = 0;
  let spare: number | undefined;
  const uint32 = (): number => {
    if (used === 4) {
      philoxInto(block, position++, step, stream, sample, k0, k1);
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
