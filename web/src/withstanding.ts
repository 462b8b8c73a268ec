import type { NormName } from "../../src/norm.ts";
import type { AttackOutcome, AttackRequest, ModelId } from "./engine.ts";

/** Which ε an attack is searched for: what is known of it already, and how near the two ends have to come. */
export interface SearchRequest {
  /** Its ε is not used. */
  readonly attack: AttackRequest;
  readonly span: Searched;
  readonly to: number;
  readonly step: number;
}

/** The largest ε at which an attack was tried in vain below the smallest at which it fools, or Infinity where none does. */
export interface Searched {
  readonly held: number;
  readonly fooled: number;
}

export interface ProofRequest {
  readonly model: ModelId;
  readonly x: Float32Array;
  readonly label: number;
  readonly norm: NormName;
}

/** No x within ε of the sample is taken for another class. */
export interface Proof {
  /** 0: nothing is proven. */
  readonly epsilon: number;
  readonly method: string | null;
  /** After which it was proven. */
  readonly seconds: number;
  /** Whether no larger ε is looked for, with these methods. */
  readonly isWhole: boolean;
}

/** The ε that an adversarial example needs: its distance, where the norm measures one, and by rounding no more than it was given. */
export function fooledAt({ distances }: Pick<AttackOutcome, "distances">, norm: NormName, epsilon: number): number {
  return norm === "linf" || norm === "l2" || norm === "l1" ? Math.min(distances[norm], epsilon) : epsilon;
}
