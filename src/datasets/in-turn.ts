/** Pixels of all images that are decoded at a time: those of many small ones, or of a single huge one. */
const AT_A_TIME = 2 ** 24;

let decoding = 0;
const waiting: (() => void)[] = [];

/** Does work on an image of so many pixels once those that are decoded leave room for it. */
export async function inTurn<T>(pixels: number, work: () => Promise<T>): Promise<T> {
  while (decoding > 0 && decoding + pixels > AT_A_TIME) await new Promise<void>((resolve) => waiting.push(resolve));
  decoding += pixels;
  try {
    return await work();
  } finally {
    decoding -= pixels;
    for (const wake of waiting.splice(0)) wake();
  }
}
