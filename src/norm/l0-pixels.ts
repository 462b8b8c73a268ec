import type { Norm } from "./contract.ts";
import { byMagnitude, clampInto, room } from "./elements.ts";
import { cellsIn, type Pixels } from "./pixels.ts";

/** The number of pixels of an image that differ in any channel; ε counts pixels. */
export function l0OfPixels(pixels: Pixels): Norm {
  const { count, channels, at } = cellsIn(pixels);
  const summed = (of: (i: number) => number): Float64Array =>
    Float64Array.from({ length: count }, (_, p) => {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += of(at(p, c));
      return sum;
    });
  // NaN stays NaN.
  const counted = (changes: Float64Array): number => changes.reduce((sum, change) => sum + Math.sign(change), 0);
  return {
    name: "l0",
    dual: "linf",
    channels,
    dualLength: (v) => summed((i) => Math.abs(v[i]!)).reduce((a, b) => (a > b ? a : b), 0),
    distance: (a, b) => counted(summed((i) => Math.abs(a[i]! - b[i]!))),
    length: (v) => counted(summed((i) => Math.abs(v[i]!))),
    project(out, x, epsilon, box) {
      clampInto(out, box);
      const order = byMagnitude(summed((i) => (out[i]! - x[i]!) ** 2));
      for (const p of order.subarray(Math.floor(epsilon)))
        for (let c = 0; c < channels; c++) out[at(p, c)] = x[at(p, c)]!;
    },
    ascend(out, x, g, epsilon, box) {
      out.set(x);
      const gains = summed((i) => Math.abs(g[i]!) * room(x[i]!, g[i]!, box));
      for (const p of byMagnitude(gains).subarray(0, Math.floor(epsilon)))
        for (let c = 0; c < channels; c++) {
          const i = at(p, c);
          if (g[i]! !== 0) out[i] = g[i]! > 0 ? box.upper : g[i]! < 0 ? box.lower : x[i]!;
        }
    },
    uniform(out, x, epsilon, random) {
      out.set(x);
      const order = Uint32Array.from({ length: count }, (_, p) => p);
      for (let k = 0; k < Math.min(Math.floor(epsilon), count); k++) {
        const other = k + random.integer(count - k);
        [order[k], order[other]] = [order[other]!, order[k]!];
        for (let c = 0; c < channels; c++) out[at(order[k]!, c)] = random.uniform();
      }
    },
  };
}
