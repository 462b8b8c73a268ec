import { defineAttack, predict } from "../../attack.ts";
import { checkCount, checkSignal, PerturbError } from "../../errors.ts";
import { type Bounds, type DifferentiableModel, reached, take, takeGoal } from "../../model.ts";
import { type FloatTensor, takeRows } from "../../tensor.ts";
import { nearest, rowsOf } from "../steps/nearest.ts";

export interface EadOptions {
  /** Values of c that are tried. */
  readonly searches: number;
  /** Steps of FISTA, and gradients, for each c. */
  readonly steps: number;
  /** Length of the first step; it falls to 0 with the root of the share of steps that are left. */
  readonly learningRate: number;
  /** The first c, the weight of the loss against the distance. */
  readonly constant: number;
  /** β of the norm l1: changes of elements shrink by it at each step. */
  readonly beta: number;
  /** β of the norm l2. */
  readonly betaL2: number;
  /** κ: the margin, in logits, that an adversarial point must have. */
  readonly confidence: number;
}

/**
 * Elastic-net attack (Chen et al. 2018, algorithm 1): minimises c·max(0, κ - J) + ‖x' - x‖² + β‖x' - x‖₁, where J is the margin by
 * which the goal is reached, by FISTA, whose step is one of gradient descent and then a shrinkage of x' - x by β; the least c
 * that works is searched, times ten until one works, then by halving. The nearest point in the norm that is asked counts (for
 * L1, the paper's rule of that name). Defaults: the authors' code, but for steps, c and β.
 *
 * Differences: 100 steps, none aborted, where the authors' code has up to 10,000, and aborts by batch; c begins at 1 and not
 * at .001, which leaves more of the searches to halve it; β is .05 for L1, where theirs is .001, and 0 for L2, where any other
 * leads away from the nearest point; the goal is judged where the gradient is taken, which halves the cost, inside the bounds.
 */
export const ead = defineAttack<DifferentiableModel, EadOptions>({
  name: "ead",
  title: "elastic-net attack",
  paper: "https://arxiv.org/abs/1709.04114",
  norms: ["l2", "l1"],
  aim: "least-change",
  needs: "gradient",
  defaults: {
    searches: 9,
    steps: 100,
    learningRate: 0.01,
    constant: 1,
    beta: 0.05,
    betaL2: 0,
    confidence: 0,
  },
  about: {
    searches: "values of c that are tried",
    steps: "gradient steps for each c",
    learningRate: "factor of the gradient in the first step; it falls to 0",
    constant: "first c, the weight of the loss against the distance",
    beta: "how much an element's change shrinks at each step in l1, in units of the input",
    betaL2: "the same in l2",
    confidence: "margin that an adversarial point must have, in logits",
  },
  async propose(task, options) {
    checkOptions(options);
    const { model, x, goal, norm, indices, signal } = task;
    const { searches, steps, learningRate, constant, confidence } = options;
    const beta = norm.name === "l1" ? options.beta : options.betaL2;
    const found = nearest(task);
    const original = rowsOf(x);
    const constants = found.distances.map(() => constant);
    const [failing, working] = [constants.map(() => 0), constants.map(() => Number.POSITIVE_INFINITY)];
    for (let search = 0; search < searches; search++) {
      const current: FloatTensor = { ...x, data: x.data.slice() };
      const ahead: FloatTensor = { ...x, data: x.data.slice() };
      const [point, slack] = [rowsOf(current), rowsOf(ahead)];
      const hit = new Uint8Array(constants.length);
      const searched = found.open();
      let rows = searched;
      for (let step = 0; step < steps && rows.length > 0; step++) {
        checkSignal(signal);
        const remaining = takeGoal(goal, rows);
        const asked = takeRows(ahead, rows);
        const { logits, loss, gradient } = await model.gradient(asked, remaining, "margin", take(indices, rows));
        const rate = learningRate * Math.sqrt(1 - step / steps);
        for (const [i, prediction] of predict(logits).entries()) {
          const row = rows[i]!;
          const missing = confidence - loss.data[i]!;
          if (missing <= 0 && prediction >= 0 && reached(remaining, i, prediction)) {
            hit[row] = 1;
            found.offer(row, slack(row));
          }
          const weight = missing > 0 ? constants[row]! : 0;
          fista(
            point(row),
            slack(row),
            original(row),
            rowsOf(gradient)(i),
            weight,
            rate,
            beta,
            step / (step + 3),
            model.bounds,
          );
        }
        rows = rows.filter((row) => found.distances[row]! > 0);
      }
      for (const row of searched) {
        const c = constants[row]!;
        if (hit[row]) working[row] = Math.min(working[row]!, c);
        else failing[row] = Math.max(failing[row]!, c);
        constants[row] = Number.isFinite(working[row]!) ? (failing[row]! + working[row]!) / 2 : c * 10;
      }
    }
    return found.candidates();
  },
});

function checkOptions({ searches, steps, learningRate, beta, betaL2 }: EadOptions): void {
  for (const [name, value] of Object.entries({ searches, steps })) checkCount(name, value);
  if (!(learningRate > 0)) throw new PerturbError("usage", `learningRate must be above 0, got ${learningRate}.`);
  for (const [name, value] of Object.entries({ beta, betaL2 }))
    if (!(value >= 0)) throw new PerturbError("usage", `${name} must be at least 0, got ${value}.`);
}

/**
 * p ← S(y - rate·∇), where ∇ is that of ‖y - x‖² - weight·J, g is ∂J/∂y, and S shrinks the change of each element by β and
 * clips it to the bounds; then y ← p + momentum·(p - the last p), clipped too: no model is asked outside its bounds.
 */
function fista(
  p: Float32Array,
  y: Float32Array,
  x: Float32Array,
  g: Float32Array,
  weight: number,
  rate: number,
  beta: number,
  momentum: number,
  { lower, upper }: Bounds,
): void {
  for (let j = 0; j < p.length; j++) {
    const origin = x[j]!;
    const d = y[j]! - origin;
    const moved = d - rate * (2 * d - weight * g[j]!);
    const shrunk = moved > beta ? moved - beta : moved < -beta ? moved + beta : 0;
    let next = origin + shrunk;
    next = next < lower ? lower : next > upper ? upper : next;
    const ahead = next + momentum * (next - p[j]!);
    p[j] = next;
    y[j] = ahead < lower ? lower : ahead > upper ? upper : ahead;
  }
}
