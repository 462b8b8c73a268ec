import { checkCertificate } from "../../src/certify/certificate/check.ts";
import { frontiersOf } from "../../src/certify/certificate/layers.ts";
import { readLayers } from "../../src/certify/certificate/read.ts";
import { writeCertificate } from "../../src/certify/certificate/write.ts";
import { boxOf, openProver } from "../../src/certify/proving/prover.ts";
import type { Answer } from "../../src/certify/verify/answer.ts";
import type { Property } from "../../src/certify/verify/property.ts";
import { verify } from "../../src/certify/verify/verify.ts";
import { ONE, ZERO } from "../../src/certify/vnnlib/decimal.ts";
import { PerturbError } from "../../src/errors.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { type FloatTensor, product, tensor } from "../../src/tensor.ts";
import { runtime } from "./gradient-check.ts";
import { open } from "./models.ts";

/** Whether every input within ε of x, in L∞, is of the class `label`. */
export interface Claim {
  /** [1, ...] */
  readonly x: FloatTensor;
  readonly label: number;
  readonly epsilon: number;
  readonly classes: number;
}

export interface ProofEffort {
  /** Parts of a box. */
  readonly splits?: number;
  /** Seconds for the property. */
  readonly timeout?: number;
  /** What inputs may be. */
  readonly range?: number;
}

/** All ways in which perturb says that a claim is true, by name; and how the property was answered. */
export async function proofsOf(
  graph: Graph,
  claim: Claim,
  { splits = 60, timeout = 5, range = 1000 }: ProofEffort = {},
): Promise<{ readonly proven: string[]; readonly answer: Answer["answer"] }> {
  const proven: string[] = [];
  const { x, label, epsilon } = claim;
  const model = open(graph, { bounds: { lower: -range, upper: range } });
  try {
    for (const norm of ["linf", "l2"] as const) {
      // In L2, the ball around the box.
      const radius = norm === "linf" ? epsilon : epsilon * Math.sqrt(product(x.dims)) * (1 + 1e-6);
      const prover = await openProver(model, { norm, splits });
      for (const method of prover.methods) {
        const [found] = await method.decide({ x, labels: Int32Array.of(label), epsilons: [radius] });
        if (found!.kind === "proven") proven.push(`${method.name} in ${norm}`);
      }
      await prover.release();
    }
    const { lower, upper } = boxOf(x, [epsilon], model);
    const ends = { lower: lower.data as Float32Array, upper: upper.data as Float32Array };
    if (certified(graph, ends, label)) proven.push("certificate");
    const { answer } = await verify(graph, propertyOf(claim, ends), { runtime, timeout });
    if (answer === "unsat") proven.push("verify");
    return { proven, answer };
  } finally {
    await model.release();
  }
}

interface Ends {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** A counterexample: some other class is at least as large. */
const propertyOf = ({ label, classes }: Claim, { lower, upper }: Ends): Property => ({
  inputs: lower.length,
  outputs: classes,
  cases: Array.from({ length: classes }, (_, other) => other)
    .filter((other) => other !== label)
    .map((other) => ({
      lower,
      upper,
      outputs: [
        {
          coefficients: new Map([
            [label, ONE],
            [other, { ...ONE, digits: -1n }],
          ]),
          limit: ZERO,
          isStrict: false,
        },
      ],
    })),
});

/** Whether there is a certificate; one that claims the least must not hold where none could be written. */
function certified(graph: Graph, ends: Ends, label: number): boolean {
  try {
    const network = readLayers(graph);
    const made = writeCertificate(network, { ...ends, label });
    if (made) return checkCertificate(network, made).holds;
    const none = new Float32Array();
    const claims = frontiersOf(network).map(() => ({ elements: new Int32Array(), lower: none, upper: none }));
    const outputs = network.layers.at(-1)!.size;
    const margins = new Array<number>(outputs - 1).fill(1e-30);
    return checkCertificate(network, { ...ends, label, margins, claims }).holds;
  } catch (error) {
    // Operators that certificates do not know.
    if (error instanceof PerturbError && error.code === "unsupported") return false;
    throw error;
  }
}

/** One input as a tensor. */
export const pointOf = (shape: readonly number[], values: Iterable<number>): FloatTensor =>
  tensor("float32", [1, ...shape], Float32Array.from(values));
