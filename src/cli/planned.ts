import { availableParallelism } from "node:os";
import type { AttackName } from "../attacks/index.ts";
import { attacks } from "../attacks/index.ts";
import { PerturbError } from "../errors.ts";
import type { BatchPlan } from "../evaluate/course/batch.ts";
import type { BootedWorkers } from "../evaluate/course/pool.node.ts";
import type { Evaluator } from "../evaluate/course/run.ts";
import type { GraphModel } from "../models/classifier/graph-model.ts";
import type { NormName } from "../norm.ts";
import { type ModelGiven, type OpenedSubject, openSurrogate } from "./open.ts";
import { configuredAttacks } from "./options/attack-options.ts";

/** The options that say how samples are attacked. */
export interface AttackGiven extends ModelGiven {
  readonly attack: readonly AttackName[];
  readonly set: readonly string[];
  readonly norm: NormName;
  readonly eps: readonly number[];
  readonly target?: number | undefined;
  readonly seed: number;
  readonly offset: number;
  readonly batch?: number | undefined;
  readonly limit?: number | undefined;
  readonly eot: number;
  readonly levels?: number | undefined;
  readonly maxQueries?: number | undefined;
  readonly surrogate?: string | undefined;
  readonly certified?: string | undefined;
}

/** What is asked for, as the library wants it. @throws usage: before anything runs */
export async function planned({ data, here }: OpenedSubject, given: AttackGiven) {
  const [{ DEFAULT_BATCH }, { examplesFor, planOf }] = await Promise.all([
    import("../evaluate/course/run.ts"),
    import("../evaluate/course/plan.ts"),
  ]);
  const chosen = configuredAttacks(given.attack, given.set);
  refuseIdle(given);
  const wanted = {
    attacks: chosen,
    norm: given.norm,
    epsilons: given.eps,
    target: given.target ?? null,
    seed: given.seed,
    offset: given.offset,
    batch: given.batch ?? batchFor(Math.min(data.size - given.offset, given.limit ?? data.size), DEFAULT_BATCH),
    limit: given.limit ?? data.size,
    eot: given.eot,
    levels: given.levels ?? null,
    maxQueries: given.maxQueries ?? null,
    surrogate: await openSurrogate(given, here.inputShape),
    examples: await examplesFor(chosen, data),
    ...(given.certified !== undefined && { certified: await certificatesIn(given.certified) }),
  };
  return { wanted, plan: planOf(wanted, here) };
}

/** @throws usage for options that would change nothing */
function refuseIdle({ attack, surrogate, certified, norm }: AttackGiven): void {
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

/** Few samples are cut up too, so that every core has some. Results do not depend on it. */
const batchFor = (total: number, most: number): number =>
  Math.max(1, Math.min(most, Math.ceil(total / (2 * availableParallelism()))));

/** Threads, each with a model of its own; a model behind an address is asked from here. @throws no-gradient: before anything runs */
export async function evaluatorOf(
  { file, here }: OpenedSubject,
  plan: BatchPlan,
  workers: BootedWorkers,
  { device }: Pick<AttackGiven, "device">,
  surrogate: GraphModel | undefined,
): Promise<Evaluator> {
  const [{ localEvaluator }, { requireGradients }, { planMessage }, { withGradient }] = await Promise.all([
    import("../evaluate/course/run.ts"),
    import("../evaluate/checks/gradients.ts"),
    import("../evaluate/course/work.ts"),
    import("../models/classifier/classifier.ts"),
  ]);
  let ready = file;
  await requireGradients(plan, here, () => {
    ready = file && withGradient(file, "cross-entropy");
  });
  if (!ready) return localEvaluator(here, plan, { surrogate });
  return workers.start({
    file: ready,
    device,
    plan: planMessage(plan),
    surrogate: surrogate?.file,
  });
}

/** Bytes that a list of certificates may have. */
const CERTIFICATES = 2 ** 28;

async function certificatesIn(path: string) {
  const [{ fileSource }, { readCertified }] = await Promise.all([
    import("../datasets/files.node.ts"),
    import("../evaluate/checks/certified.ts"),
  ]);
  const file = await fileSource(path);
  if (file.size > CERTIFICATES)
    throw new PerturbError(
      "invalid-file",
      `${path} has ${file.size} bytes, and lines of INDEX,RADIUS have no more than ${CERTIFICATES}.`,
    );
  return readCertified(new TextDecoder().decode(await file.read(0, file.size)), path);
}
