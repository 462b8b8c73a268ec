import { checkCount, PerturbError } from "../errors.ts";
import { aBoolean, checkOptions, type Kinds } from "../known-options.ts";
import type { Model } from "../model.ts";
import { option } from "../option.ts";
import type { Opened } from "./opening.ts";

export interface CertifyOptions {
  /** Whether the largest certified ε of each sample is looked for, which takes most of the time. By default it is. */
  readonly largest?: boolean;
  /** Significant digits of that ε, from 1 to 7, by default 3. */
  readonly digits?: number;
  /** Into how many parts a box may be split, by the signs of neurons, where bounds leave it open: by default none. */
  readonly splits?: number;
}

const KINDS: Kinds<CertifyOptions> = { largest: aBoolean, digits: null, splits: null };
const DIGITS = 3;
/** More than float32 has. */
const MOST_DIGITS = 7;

/**
 * The plan with certificates, where they are asked for. @throws unsupported for a model of which nothing can be proven, usage
 */
export async function certifying(
  model: Model,
  opened: Opened,
  asked: boolean | CertifyOptions | undefined,
): Promise<Opened> {
  if (asked === undefined || asked === false) return opened;
  const given = asked === true ? {} : asked;
  checkOptions("certify", given, KINDS);
  const { largest = true, digits = DIGITS, splits = 0 } = given;
  if (!(Number.isSafeInteger(splits) && splits >= 0))
    throw new PerturbError("usage", `${option("splits")} must be a whole number from 0 up, got ${splits}.`);
  checkCount("the number of digits", digits);
  if (digits > MOST_DIGITS)
    throw new PerturbError("usage", `The number of digits must be from 1 to ${MOST_DIGITS}, got ${digits}.`);
  const { plan } = opened;
  const [{ requireCertifiable }, { openProver }] = await Promise.all([
    import("../certify/proving/certifiable.ts"),
    import("../certify/proving/prover.ts"),
  ]);
  // What has no bounds is refused before anything runs.
  if (splits > 0 && plan.norm !== "linf")
    throw new PerturbError(
      "unsupported",
      `Boxes are split in the norm linf alone, and ${option("splits", splits)} was given with ${option("norm", plan.norm)}. Leave out ${option("splits")}.`,
    );
  const prover = await openProver(requireCertifiable(model, plan), { splits, norm: plan.norm });
  await prover.release();
  return { ...opened, plan: { ...plan, certify: { digits: largest ? digits : null, splits } } };
}
