import { type AttackName, attacks } from "../../attacks/index.ts";
import { didYouMean, PerturbError } from "../../errors.ts";

/** "fgsm,pgd". @throws usage for a name that is not known */
export function parseAttacks(text: string): AttackName[] {
  return text.split(",").map((name) => {
    if (Object.hasOwn(attacks, name)) return name as AttackName;
    throw new PerturbError(
      "usage",
      `There is no attack named "${name}". Known: ${Object.keys(attacks).join(", ")}.${didYouMean(name, Object.keys(attacks))}`,
    );
  });
}
