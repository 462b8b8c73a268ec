import { decimalGrid } from "../../src/certify/proving/decimal-grid.ts";
import type { Failure, Proof, Searched } from "./engine.ts";

/** What is known of a proof: one that failed says why. */
interface Made {
  readonly proof: Proof | null;
  readonly failure: Failure | null;
}

interface Found extends Searched {
  /** The attack that fooled; null where none has. */
  readonly by: string | null;
  readonly isSearched: boolean;
}

/** What is proven, in words. */
export function provenWords(made: Made | null, isContradicted: boolean): string {
  if (isContradicted) return "Nothing counts as proven.";
  const { proof, failure } = made ?? {};
  const epsilon = proof?.epsilon ?? 0;
  if (epsilon > 0) {
    const more = proof!.isWhole || failure ? "" : " Looking for more.";
    return `Proven: no perturbation up to ε = ${epsilon} changes the class.${more}`;
  }
  if (failure) return failure.code === "usage" ? failure.message : `No proof. ${failure.message}`;
  return proof?.isWhole ? "Nothing is proven: the bounds of this network are too loose here." : "Looking for a proof.";
}

/** Where attacks fool, in words; rounded up, so that it is true of what is written. */
export function fooledWords(found: Found | null): string {
  if (found?.by) return `Fooled from ε = ${upwards(found.fooled)} on, by ${found.by}.`;
  return found?.isSearched ? `Not fooled up to ε = ${found.held}.` : "Not fooled so far.";
}

const GRID = decimalGrid(3);

function upwards(value: number): number {
  if (!(value > 0)) return value;
  const place = GRID.below(value);
  return GRID.at(place) === value ? value : GRID.at(place + 1);
}

/** Where an attack fools inside what is proven: one of both is wrong. */
export function contradictionOf(proof: Proof | null | undefined, found: Found | null): Failure | null {
  if (!proof || !found || !(proof.epsilon > 0) || found.fooled > proof.epsilon) return null;
  const few = (value: number) => String(Number(value.toPrecision(4)));
  return {
    code: "proof-contradicted",
    message: `This input was fooled inside the ε that was proven of it: fooled at ${few(found.fooled)} and proven up to ${few(proof.epsilon)}. Both cannot be true. perturb is wrong in one of the two: trust neither, and please report it.`,
  };
}
