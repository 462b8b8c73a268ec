import { type AttackName, attacks } from "../../attacks/index.ts";
import { PerturbError } from "../../errors.ts";
import type { EvaluateOptions } from "../../evaluate/evaluation.ts";
import type { Order } from "../../evaluate/opening.ts";
import type { NormName } from "../../norm.ts";
import { configuredAttacks } from "../options/attack-options.ts";
import { openSurrogate, type SurrogateGiven } from "./model.ts";
import type { OpenedSubject } from "./opened.ts";

/** The options that say how samples are attacked. */
export interface AttackGiven extends SurrogateGiven {
  readonly attack: readonly AttackName[];
  readonly set: readonly string[];
  readonly norm: NormName;
  readonly eps: readonly number[];
  readonly target?: number | undefined;
  readonly seed: number;
  readonly offset: number;
  readonly batch?: number | undefined;
  readonly memory?: number | undefined;
  readonly limit?: number | undefined;
  readonly order?: Order | undefined;
  readonly eot?: number | undefined;
  readonly levels?: number | undefined;
  readonly maxQueries?: number | undefined;
  readonly certified?: string | undefined;
  readonly certify?: boolean | undefined;
  readonly largest?: boolean | undefined;
  readonly splits?: number | undefined;
}

/** What is asked for, as the library wants it, of the model that is to be attacked. @throws usage: before anything runs */
export async function wanted(given: AttackGiven, { model, data, preprocess }: OpenedSubject) {
  refuseIdle(given);
  return {
    attacks: configuredAttacks(given.attack, given.set),
    norm: given.norm,
    epsilons: given.eps,
    target: given.target ?? null,
    seed: given.seed,
    offset: given.offset,
    ...(given.batch !== undefined && { batch: given.batch }),
    ...(given.memory !== undefined && { memory: given.memory }),
    ...(given.limit !== undefined && { limit: given.limit }),
    ...(given.order !== undefined && { order: given.order }),
    ...(given.eot !== undefined && { eot: given.eot }),
    levels: given.levels ?? null,
    maxQueries: given.maxQueries ?? null,
    surrogate: await openSurrogate(given, model.inputShape, data.labelSets, preprocess),
    ...(given.certify && {
      certify: { largest: given.largest !== false, ...(given.splits !== undefined && { splits: given.splits }) },
    }),
    ...(given.certified !== undefined && { certified: await certificatesIn(given.certified) }),
  } satisfies EvaluateOptions;
}

/** @throws usage for options that would change nothing */
function refuseIdle(given: AttackGiven): void {
  const { attack, surrogate, surrogateMean, surrogateStd, certified, certify, largest, splits, norm } = given;
  if (splits !== undefined && !certify)
    throw new PerturbError("usage", "--splits is for certificates. Add --certify, or leave it out.");
  if (largest === false && !certify)
    throw new PerturbError("usage", "--no-largest is for certificates. Add --certify, or leave it out.");
  if (surrogate === undefined && (surrogateMean ?? surrogateStd) !== undefined)
    throw new PerturbError(
      "usage",
      "--surrogate-mean and --surrogate-std are for the model of --surrogate. Add it, or leave them out.",
    );
  if (surrogate !== undefined && !attack.some((name) => "also" in attacks[name] && attacks[name].also === "surrogate"))
    throw new PerturbError(
      "usage",
      "--surrogate is for attacks that work on another model. Add one: --attack …,transfer.",
    );
  if (certified !== undefined && norm === "spatial")
    throw new PerturbError(
      "usage",
      "--certified compares radii in a norm of pixels, and spatial is none. Leave it out.",
    );
}

/** Bytes that a list of certificates may have. */
const CERTIFICATES = 2 ** 28;

async function certificatesIn(path: string) {
  const [{ fileSource }, { readCertified }] = await Promise.all([
    import("../../datasets/files.node.ts"),
    import("../../evaluate/checks/certified.ts"),
  ]);
  const file = await fileSource(path);
  if (file.size > CERTIFICATES)
    throw new PerturbError(
      "invalid-file",
      `${path} has ${file.size} bytes, and lines of INDEX,RADIUS have no more than ${CERTIFICATES}.`,
    );
  return readCertified(new TextDecoder().decode(await file.read(0, file.size)), path);
}
