import type { Witness } from "./witness.ts";

/**
 * `sat`: a counterexample exists, which the file itself confirms, inside of the box without any tolerance. `unsat`: there is none among
 * the float32 numbers of the box, whatever the order in which the CPU's kernels add up. `unknown`: neither was shown, with the reason.
 */
export type Answer =
  | { readonly answer: "sat"; readonly witness: Witness }
  | {
      readonly answer: "unsat";
      readonly domains: number;
      /** Cases of the property without any float32 number in their box, which nothing had to be shown of; absent where there are none. */
      readonly empty?: number;
    }
  | { readonly answer: "unknown"; readonly reason: string }
  | { readonly answer: "timeout"; readonly domains: number };
