import { PerturbError } from "./errors.ts";

/** More than any classifier has; a loss holds a list of them. */
export const MAX_CLASSES = 2 ** 20;

/** The fewest classes of losses that compare several logits. */
const LEAST: Readonly<Record<string, number>> = { dlr: 3, "targeted-dlr": 4 };

/** The fewest classes that a loss can be computed for. */
export const leastClassesOf = (loss: unknown): number =>
  typeof loss === "string" && Object.hasOwn(LEAST, loss) ? LEAST[loss]! : 1;

/** @param what compares the logits: a loss, or an attack; @param instead what to take. @throws usage */
export function tooFewClasses(
  what: string,
  least: number,
  model: string,
  classes: number,
  instead: string,
): PerturbError {
  return new PerturbError(
    "usage",
    `${what} compares the ${least} largest logits, and ${model} has ${classes} ${classes === 1 ? "class" : "classes"}. Take ${instead}.`,
    { data: { what, classes, least } },
  );
}

/** What to take in the place of a loss that too few classes have no value of. */
export const OTHER_LOSSES: Readonly<Record<string, string>> = {
  dlr: "the loss margin or cross-entropy",
  "targeted-dlr": "the loss targeted-margin",
};

/** Of more classes than this, results hold no table of labels and predictions; the record of each sample has both. */
export const MOST_CONFUSED = 1000;
