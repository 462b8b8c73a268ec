import { PerturbError } from "../../errors.ts";
import type { Evaluation, Gate } from "../../evaluate.ts";
import { checkOptions, type Kinds } from "../../known-options.ts";
import { sameEpsilon } from "./statistics.ts";

/** A robust accuracy, or a certified one, that is asked for at one ε: at least `atLeast`, from 0 to 1. */
export type GateAsked = Pick<Gate, "epsilon" | "atLeast" | "certified">;

const GATE: Kinds<GateAsked> = { epsilon: null, atLeast: null, certified: ["true", (value) => value === true] };

/** @throws usage for an accuracy that cannot be, or an ε that is not evaluated */
export function checkGates(asked: readonly GateAsked[], epsilons: readonly number[]): void {
  for (const gate of asked) {
    checkOptions("a gate", gate, GATE);
    const { epsilon, atLeast } = gate;
    if (typeof atLeast !== "number" || !(atLeast >= 0 && atLeast <= 1))
      throw new PerturbError("usage", `A gate asks for an accuracy from 0 to 1; got ${JSON.stringify(atLeast)}.`);
    if (!epsilons.some((one) => sameEpsilon(one, epsilon)))
      throw new PerturbError(
        "usage",
        `A gate asks for the accuracy at ε = ${epsilon}, which is not evaluated. Add it to the ε, which are ${epsilons.join(", ")}.`,
        { data: { epsilon, epsilons } },
      );
  }
}

/** The evaluation with these gates in place of its own. @throws usage as `checkGates` */
export function withGates(evaluation: Evaluation, asked: readonly GateAsked[]): Evaluation {
  checkGates(asked, evaluation.options.epsilons);
  const gates = asked.map(({ epsilon, atLeast, certified }): Gate => {
    const point = evaluation.worst.find((one) => sameEpsilon(one.epsilon, epsilon))!;
    const found = certified ? point.certified : point;
    if (!found)
      throw new PerturbError(
        "usage",
        "A gate asks for certified accuracy, and the run does not certify. Add it there.",
      );
    const { accuracy } = found;
    return { epsilon, atLeast, accuracy, met: accuracy >= atLeast, ...(certified && { certified }) };
  });
  return { ...evaluation, gates };
}
