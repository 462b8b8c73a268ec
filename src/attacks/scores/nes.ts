import { defineAttack } from "../../attack.ts";
import { PerturbError } from "../../errors.ts";
import { checkLength, type Length, lengthAt } from "../../length.ts";
import type { Model } from "../../model.ts";
import { ascendEstimates } from "../steps/estimated-ascent.ts";
import type { Estimate } from "../steps/probes.ts";
import { sweep } from "../steps/sweep.ts";

export interface NesOptions {
  /** Most queries for a sample, for each ε. */
  readonly queries: number;
  /** Probes for each gradient: an even number. */
  readonly samples: number;
  /** σ of the probes. */
  readonly sigma: Length;
  /** Step size at the start, and the least that it falls to. */
  readonly stepSize: Length;
  readonly leastStepSize: Length;
  readonly momentum: number;
}

/** Steps over which the objective must not fall, and what the step size is divided by where it did. */
const PLATEAU = 5;
const DROP = 2;

/**
 * NES (Ilyas, Engstrom, Athalye and Lin 2018, algorithm 1 and §3.1, with all logits known): signs of gradients of the
 * cross-entropy that are estimated from antithetic Gaussian probes, with momentum; the step size is halved where the
 * objective fell over 5 steps. Defaults: 50 probes, σ = .001 and step size .01 of the paper, momentum .9 and least step size
 * .00005 of the authors' code; 10,000 queries, where the paper allows a million on ImageNet. Differences: probes are cut
 * to the bounds; the authors' code takes a rise for a fall when it is untargeted.
 */
export const nes = defineAttack<Model, NesOptions>({
  name: "nes",
  title: "NES, gradients estimated along normal directions",
  paper: "https://arxiv.org/abs/1804.08598",
  norms: ["linf"],
  aim: "within-epsilon",
  needs: "logits",
  defaults: { queries: 10_000, samples: 50, sigma: 0.001, stepSize: 0.01, leastStepSize: 5e-5, momentum: 0.9 },
  about: {
    queries: "most queries for a sample, for each ε",
    samples: "queries for each estimate of the gradient: an even number",
    sigma: { length: "of the standard deviation of an element of a probe" },
    stepSize: { length: "of the first step" },
    leastStepSize: { length: "that the step falls to at the least" },
    momentum: "share of the earlier estimates that is kept, below 1",
  },
  async propose(task, options) {
    checkOptions(options);
    const { queries, samples, sigma } = options;
    return sweep(task, (budget) =>
      ascendEstimates(budget, {
        steps: Math.floor((queries - 1) / (samples + 1)),
        pairs: samples / 2,
        reach: lengthAt(sigma, budget.epsilon),
        loss: "cross-entropy",
        draw: (random) => random.normal(),
        randomStart: false,
        stepper: (size) => signSteps(size, options, budget.epsilon),
      }),
    );
  },
});

function signSteps(size: number, { stepSize, leastStepSize, momentum }: NesOptions, epsilon: number) {
  const direction = new Float64Array(size);
  const least = lengthAt(leastStepSize, epsilon);
  let rate = lengthAt(stepSize, epsilon);
  let means: number[] = [];
  return (point: Float32Array, { gradient, mean }: Estimate): void => {
    means = [...means, mean].slice(-PLATEAU);
    if (means.length === PLATEAU && mean < means[0]!) {
      rate = Math.max(rate / DROP, least);
      means = [];
    }
    for (let i = 0; i < size; i++) {
      direction[i] = momentum * direction[i]! + (1 - momentum) * gradient[i]!;
      point[i]! += rate * Math.sign(direction[i]!);
    }
  };
}

function checkOptions({ queries, samples, sigma, stepSize, leastStepSize, momentum }: NesOptions): void {
  const refuse = (what: string): never => {
    throw new PerturbError("usage", `NES ${what}.`);
  };
  if (!(Number.isInteger(samples) && samples >= 2 && samples % 2 === 0))
    refuse(`needs an even number of samples from 2, got ${samples}`);
  if (!(Number.isInteger(queries) && queries >= samples + 2))
    refuse(`needs a whole number of queries from ${samples + 2}, two more than samples, got ${queries}`);
  for (const [name, value] of Object.entries({ sigma, stepSize, leastStepSize })) checkLength(`NES's ${name}`, value);
  if (!(momentum >= 0 && momentum < 1)) refuse(`needs a momentum in [0, 1), got ${momentum}`);
}
