import { pgd } from "../attacks/gradient/pgd.ts";
import type { Dataset } from "../dataset.ts";
import type { EvaluationResult } from "../evaluate.ts";
import type { Model } from "../model.ts";
import type { CertifyOptions } from "./certifying.ts";
import { type EvaluateOptions, evaluate, type OnProgress, withProgress } from "./evaluation.ts";

/** Options of `evaluate`, and how samples are certified. */
export interface CertifyingOptions extends CertifyOptions, Omit<EvaluateOptions, "attacks" | "certify" | "target"> {
  /** The attacks that try what bounds leave open; by default `certifyingAttacks`. */
  readonly attacks?: EvaluateOptions["attacks"];
  readonly onProgress?: OnProgress;
}

/** PGD with 5 restarts: what is left open is worth a longer search than by default. */
export const certifyingAttacks: EvaluateOptions["attacks"] = [pgd.with({ restarts: 5 })];

/**
 * Measures certified accuracy on data: `evaluate` with certificates. At each ε the true accuracy under attack lies between `worst[k].certified`, the samples
 * that are proven to keep their class, and `worst[k]`, those that no attack fooled; each record has the largest ε that is proven of its sample.
 * @throws unsupported, before anything runs, for a model of which nothing can be proven; whatever `evaluate` throws
 */
export async function certify(
  model: Model,
  data: Dataset,
  options: CertifyingOptions & Pick<EvaluateOptions, "epsilons">,
): Promise<EvaluationResult> {
  const { largest, digits, splits, attacks = certifyingAttacks, ...rest } = withProgress(options);
  const how = {
    ...(largest !== undefined && { largest }),
    ...(digits !== undefined && { digits }),
    ...(splits !== undefined && { splits }),
  };
  return evaluate(model, data, { ...rest, attacks, certify: how });
}
