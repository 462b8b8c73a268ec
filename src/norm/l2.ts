import type { Norm } from "./contract.ts";

interface Scratch {
  /** What each element may move in the direction of its slope before it meets the box, and the bits of that. */
  readonly rooms: Float32Array;
  readonly roomBits: Int32Array;
  /** The elements that have room, and those of them that do not use it up. */
  readonly open: Uint32Array;
  readonly free: Uint32Array;
  readonly edges: Float64Array;
}

let kept: Scratch | undefined;

/** Room to work in: steps are many, and none outlives its call. */
function scratch(size: number): Scratch {
  if (kept && kept.rooms.length >= size) return kept;
  const rooms = new Float32Array(size);
  const roomBits = new Int32Array(rooms.buffer);
  kept = { rooms, roomBits, open: new Uint32Array(size), free: new Uint32Array(size), edges: new Float64Array(2) };
  return kept;
}

/** √Σ v_i² */
export const l2: Norm = {
  name: "l2",
  dual: "l2",
  distance(a, b) {
    let sum = 0;
    for (let i = 0; i < a.length; i++) {
      const d = a[i]! - b[i]!;
      sum += d * d;
    }
    return Math.sqrt(sum);
  },
  length(v) {
    let sum = 0;
    for (let i = 0; i < v.length; i++) sum += v[i]! * v[i]!;
    return Math.sqrt(sum);
  },
  project(out, x, epsilon, { lower, upper }) {
    const distance = l2.distance(out, x);
    const scale = distance <= epsilon ? 1 : epsilon / distance;
    for (let i = 0; i < out.length; i++) {
      const v = scale === 1 ? out[i]! : x[i]! + (out[i]! - x[i]!) * scale;
      out[i] = v < lower ? lower : v > upper ? upper : v;
    }
  },
  /** d = λg, cut where it meets the box; λ grows until ‖d‖ = ε. Elements that meet the box only ever become more. */
  ascend(out, x, g, epsilon, { lower, upper }) {
    const { rooms, roomBits, open, free, edges } = scratch(g.length);
    // As in L∞, the sign bit chooses without a branch: no processor predicts the signs of gradients.
    const bits = new Int32Array(g.buffer, g.byteOffset, g.length);
    edges[0] = upper;
    edges[1] = lower;
    for (let i = 0; i < g.length; i++) rooms[i] = Math.abs(edges[bits[i]! >>> 31]! - x[i]!);
    let able = 0;
    for (let i = 0; i < g.length; i++) {
      open[able] = i;
      able += (roomBits[i]! + 0x7fffffff) >>> 31;
    }
    let slope = 0;
    for (let k = 0; k < able; k++) slope += g[open[k]!]! ** 2;
    let budget = epsilon * epsilon;
    let scale = 0;
    for (let from = open, before = able + 1, count = able; count < before && slope !== 0; from = free) {
      scale = Math.sqrt(Math.max(0, budget) / slope);
      before = count;
      count = 0;
      // Summed anew each time: what is left of a difference would hide the smallest slopes.
      slope = 0;
      for (let k = 0; k < before; k++) {
        const i = from[k]!;
        const v = g[i]!;
        const room = rooms[i]!;
        if (scale * Math.abs(v) <= room) {
          free[count++] = i;
          slope += v * v;
        } else budget -= room * room;
      }
    }
    out.set(x);
    for (let k = 0; k < able; k++) {
      const i = open[k]!;
      const v = x[i]! + scale * g[i]!;
      out[i] = v < lower ? lower : v > upper ? upper : v;
    }
  },
  uniform(out, x, epsilon, random) {
    const direction = new Float64Array(out.length);
    let sum = 0;
    for (let i = 0; i < direction.length; i++) {
      const v = random.normal();
      direction[i] = v;
      sum += v * v;
    }
    const length = Math.sqrt(sum) || 1;
    const radius = epsilon * random.uniform() ** (1 / out.length);
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + (direction[i]! / length) * radius;
  },
};
