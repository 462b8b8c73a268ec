// @ts-check
import { concat } from "./mutators/bytes.js";

/**
 * Fewer bytes that still do the same: pieces are left out, then set to zero, from halves down to single bytes.
 * @param {Uint8Array} bytes
 * @param {(bytes: Uint8Array) => Promise<boolean>} isSame whether bytes still show the fault
 * @param {number} seconds after which the best so far is returned
 */
export async function minimise(bytes, isSame, seconds) {
  const until = Date.now() + 1000 * seconds;
  let best = bytes;
  for (let size = Math.ceil(bytes.length / 2); size >= 1; size = size > 1 ? Math.ceil(size / 2) : 0)
    for (let at = 0; at < best.length; at += size) {
      if (Date.now() > until) return best;
      const without = concat([best.subarray(0, at), best.subarray(at + size)]);
      if (await isSame(without)) {
        best = without;
        at -= size;
      }
    }
  for (let at = 0; at < best.length && Date.now() <= until; at++) {
    if (best[at] === 0) continue;
    const zeroed = best.slice();
    zeroed[at] = 0;
    if (await isSame(zeroed)) best = zeroed;
  }
  return best;
}
