import { type Ball, type Climber, goBack, type Rule } from "./climber.ts";

/** α of eq. 3: the share of the gradient step, the rest is momentum. */
const ALPHA = 0.75;

/**
 * The checkpoints w_j = p_j·N of §3.2: p_1 = .22, then each interval is .03 shorter, and .06 at least. In whole steps, as the
 * original's code counts them; for N = 100 that is the paper's ⌈p_j N⌉.
 */
export function checkpoints(steps: number): number[] {
  const part = (share: number) => Math.max(1, Math.floor((share * steps) / 100));
  const result: number[] = [];
  let interval = part(22);
  for (let w = interval; w <= steps; w += interval) {
    result.push(w);
    interval = Math.max(interval - part(3), part(6));
  }
  return result;
}

/** L∞ and L2 (Croce and Hein 2020, Algorithm 1). */
export const momentum: Rule = {
  stages: (steps) => [{ radius: 1, steps }],
  firstStep: 2,
  checkpoints,
  project: (out, x, { norm, epsilon, bounds }) => norm.project(out, x, epsilon, bounds),
  /** On the sphere of radius ε: uniform noise for L∞, normal noise for L2, scaled to it. */
  start(out, x, { norm, epsilon, bounds }, random) {
    const draw = norm.name === "linf" ? () => 2 * random.uniform() - 1 : () => random.normal();
    for (let i = 0; i < out.length; i++) out[i] = draw();
    const scale = epsilon / (norm.length(out) || 1);
    for (let i = 0; i < out.length; i++) out[i] = x[i]! + scale * out[i]!;
    norm.project(out, x, epsilon, bounds);
  },
  /** Conditions 1 and 2 of §3.2. */
  review(climber, _ball, since, rho) {
    const stalled = !climber.halved && climber.bestLoss <= climber.checkedLoss;
    climber.halved = climber.rises <= rho * since || stalled;
    climber.rises = 0;
    climber.checkedLoss = climber.bestLoss;
    if (!climber.halved) return;
    climber.step /= 2;
    goBack(climber);
  },
  /** Eq. 3: z = P(x_k + η·direction), x_(k+1) = P(x_k + α(z - x_k) + (1 - α)(x_k - x_(k-1))). */
  advance(climber, ball, first, scratch) {
    if (ball.norm.name === "linf") advanceSigns(climber, ball, first ? 1 : ALPHA);
    else advanceL2(climber, ball, first ? 1 : ALPHA, scratch);
  },
};

/** In one pass: the projection onto a cube acts on each element alone. */
function advanceSigns({ x, at, before, gradient, step }: Climber, { epsilon, bounds }: Ball, alpha: number): void {
  const e = Math.fround(epsilon);
  const { lower, upper } = bounds;
  // The sign bit chooses without a branch: no processor predicts the signs of gradients.
  const bits = new Int32Array(gradient.buffer, gradient.byteOffset, gradient.length);
  for (let i = 0; i < at.length; i++) {
    let low = Math.fround(x[i]! - e);
    let high = Math.fround(x[i]! + e);
    if (low < lower) low = lower;
    if (high > upper) high = upper;
    const here = at[i]!;
    const magnitude = (bits[i]! << 1) >>> 0;
    // Zero and NaN have no sign.
    const still = magnitude === 0 || magnitude > 0xff000000;
    let v = still ? here : here + step - 2 * step * (bits[i]! >>> 31);
    v = v < low ? low : v > high ? high : v;
    v = here + alpha * (v - here) + (1 - alpha) * (here - before[i]!);
    at[i] = v < low ? low : v > high ? high : v;
    before[i] = here;
  }
}

function advanceL2(climber: Climber, ball: Ball, alpha: number, z: Float32Array): void {
  const { x, at, before, gradient, step } = climber;
  const length = lengthOf(gradient);
  const scale = length > 0 && length < Number.POSITIVE_INFINITY ? step / length : 0;
  if (scale === 0) z.set(at);
  else for (let i = 0; i < z.length; i++) z[i] = at[i]! + scale * gradient[i]!;
  project(z, x, ball);
  for (let i = 0; i < z.length; i++) {
    const here = at[i]!;
    z[i] = here + alpha * (z[i]! - here) + (1 - alpha) * (here - before[i]!);
    before[i] = here;
  }
  project(z, x, ball);
  at.set(z);
}

const lengthOf = (v: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < v.length; i++) sum += v[i]! * v[i]!;
  return Math.sqrt(sum);
};

/**
 * The nearest point of the L2 ball cut by the box: x + min(λ|d|, room) along d = out - x: scaled to the ball and
 * then clipped, as in the original, it would lose what is clipped.
 */
function project(out: Float32Array, x: Float32Array, { norm, epsilon, bounds }: Ball): void {
  const { lower, upper } = bounds;
  let clipped = 0;
  for (let i = 0; i < out.length; i++) {
    const v = out[i]!;
    const d = (v < lower ? lower : v > upper ? upper : v) - x[i]!;
    clipped += d * d;
  }
  if (clipped <= epsilon * epsilon) {
    for (let i = 0; i < out.length; i++) {
      const v = out[i]!;
      out[i] = v < lower ? lower : v > upper ? upper : v;
    }
    return;
  }
  const d = new Float32Array(out.length);
  for (let i = 0; i < d.length; i++) d[i] = out[i]! - x[i]!;
  norm.ascend(out, x, d, epsilon, bounds);
}
