/** Turns the gradients of one sample, one step after another, into the directions that it takes. */
export interface Steering {
  /** `direction` comes in as the gradient at step t = 0, 1, … of sample `row`, and is replaced. */
  readonly turn: (direction: Float32Array, row: number, t: number) => void;
  /** The sum of gradients that momentum carries: [n · size]. */
  readonly momentum?: Float32Array;
}

/** The gradient itself. */
export const steepest: Steering = { turn: () => undefined };

/**
 * g ← μg + ∇J / ‖∇J‖₁ (Dong et al. 2018, eq. 6), each sample on its own. The norm is taken as the mean of the magnitudes,
 * as in the authors' code, so that the elements of g are of the order of 1 whatever the size; a gradient of zeros adds nothing.
 */
export function accumulated(decay: number, count: number, size: number): Steering {
  const momentum = new Float32Array(count * size);
  return {
    momentum,
    turn(direction, row) {
      const at = row * size;
      let sum = 0;
      for (let j = 0; j < size; j++) sum += Math.abs(direction[j]!);
      const scale = sum > 0 ? size / sum : 0;
      for (let j = 0; j < size; j++)
        direction[j] = momentum[at + j] = decay * momentum[at + j]! + direction[j]! * scale;
    },
  };
}

const [BETA1, BETA2] = [0.9, 0.999];
/** Not the customary 1e-8, which would hold back confident samples: their gradients are smaller than that. */
const TINY = 1e-20;

/** m̂ / (√v̂ + δ): Adam (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1) with its own β, each sample on its own. */
export function adam(count: number, size: number): Steering {
  const first = new Float32Array(count * size);
  // The squares of the smallest gradients are no float32.
  const second = new Float64Array(count * size);
  return {
    turn(direction, row, t) {
      const at = row * size;
      const [c1, c2] = [1 - BETA1 ** (t + 1), 1 - BETA2 ** (t + 1)];
      for (let j = 0; j < size; j++) {
        const g = direction[j]!;
        const m = BETA1 * first[at + j]! + (1 - BETA1) * g;
        const v = BETA2 * second[at + j]! + (1 - BETA2) * g * g;
        first[at + j] = m;
        second[at + j] = v;
        direction[j] = m / c1 / (Math.sqrt(v / c2) + TINY);
      }
    },
  };
}
