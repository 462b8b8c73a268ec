import { judge } from "../attack.ts";
import { fgsm } from "../attacks/gradient/fgsm.ts";
import { pgd } from "../attacks/gradient/pgd.ts";
import type { HardenEpoch, Validation } from "../harden.ts";
import { norms } from "../norm.ts";
import type { Hardening } from "./options.ts";
import type { Part } from "./part.ts";
import { holding } from "./smoothed.ts";
import type { TakeSamples } from "./split.ts";

const BATCH = 250;
const STEPS = 10;

/** How good a network is on the samples held out: clean, under FGSM, and under PGD-10 from a random start, always from the same one. */
export async function validate(
  parts: readonly Part[],
  views: Parameters<Part["model"]>[0],
  { norm: name, epsilon, seed, signal, method: { method, options } }: Hardening,
  take: TakeSamples,
  held: Int32Array,
): Promise<Validation> {
  const norm = norms[name];
  const ranges = Array.from({ length: Math.ceil(held.length / BATCH) }, (_, k) =>
    held.subarray(k * BATCH, (k + 1) * BATCH),
  );
  const sum = { total: 0, clean: 0, fgsm: 0, pgd: 0 };
  let certified: number | null = null;
  const sigma = method.noise?.(options as never);
  let smoothed = sigma === undefined ? null : 0;
  const work = async (part: Part, indices: Int32Array): Promise<void> => {
    const model = part.model(views);
    const { x, labels } = await take(indices);
    const goal = { kind: "untargeted", labels } as const;
    const task = { model, x, goal, norm, epsilons: [epsilon], indices, seed, signal };
    const start = await model.gradient(x, goal);
    const [byFgsm] = await fgsm.propose({ ...task, start });
    const [byPgd] = await pgd.propose({ ...task, start }, { steps: STEPS, stepSize: "0.25eps" });
    const proven = await part.certified(views, x, labels, epsilon);
    if (proven !== null) certified = (certified ?? 0) + proven;
    if (smoothed !== null) smoothed += await holding(model, { x, labels, indices }, { sigma: sigma!, epsilon, seed });
    const clean = await judge(model, x, x, goal, norm, 0);
    const first = await judge(model, x, byFgsm!, goal, norm, epsilon);
    const second = await judge(model, x, byPgd!, goal, norm, epsilon);
    for (let i = 0; i < labels.length; i++) {
      const isRight = clean.success[i] === 0;
      sum.total++;
      sum.clean += Number(isRight);
      sum.fgsm += Number(isRight && first.success[i] === 0);
      sum.pgd += Number(isRight && second.success[i] === 0);
    }
  };
  await Promise.all(
    parts.map(async (part, k) => {
      for (let i = k; i < ranges.length; i += parts.length) await work(part, ranges[i]!);
    }),
  );
  return { ...sum, ...(certified !== null && { certified }), ...(smoothed !== null && { smoothed }) };
}

/** A fall of the accuracy under PGD from the best epoch, and a growth of the gap between FGSM and PGD, as shares, that are no accident. */
const FALL = 0.1;
const GROWTH = 0.1;

/**
 * Whether a network has overfitted to the steps of its own attack (catastrophic overfitting: Wong et al. 2020, §5.4): PGD fools far more
 * samples than at the best epoch, and FGSM no longer finds them.
 */
export function isOverfitted(now: Validation, best: Validation): boolean {
  const fall = (best.pgd - now.pgd) / now.total;
  const growth = (now.fgsm - now.pgd - (best.fgsm - best.pgd)) / now.total;
  return fall > FALL && growth > GROWTH;
}

/**
 * Whether an epoch is better than another: by its samples that are certified, or hold under noise, where they are counted, and by those that are right under PGD where these are as
 * many or are not counted. Accuracy under PGD alone would choose a network with boxes too small to be proven.
 */
export function isBetter(now: Validation, best: Validation): boolean {
  const gain = (now.certified ?? now.smoothed ?? 0) - (best.certified ?? best.smoothed ?? 0);
  return gain > 0 || (gain === 0 && now.pgd > best.pgd);
}

/** The best epoch so far, of equal ones the first. */
export const bestOf = (history: readonly HardenEpoch[]): HardenEpoch =>
  history.reduce((best, epoch) => (isBetter(epoch.validation, best.validation) ? epoch : best));
