import { type AnyAttack, type AttackTask, defineAttack, proposeWith } from "../../attack.ts";
import { PerturbError } from "../../errors.ts";
import { type DifferentiableModel, isDifferentiable, type Model } from "../../model.ts";
import { option } from "../../option.ts";
import type { FloatTensor } from "../../tensor.ts";
import { apgdCe, apgdDlr, apgdT } from "../gradient/apgd.ts";
import { bim } from "../gradient/bim.ts";
import { fgsm } from "../gradient/fgsm.ts";
import { miFgsm } from "../gradient/mi-fgsm.ts";
import { niFgsm } from "../gradient/ni-fgsm.ts";
import { pgd } from "../gradient/pgd.ts";
import { rFgsm } from "../gradient/r-fgsm.ts";

/** The attacks that can be run on the surrogate: those that spend a budget, by gradients. */
const METHODS = {
  "mi-fgsm": miFgsm,
  "ni-fgsm": niFgsm,
  bim,
  pgd,
  fgsm,
  "r-fgsm": rFgsm,
  "apgd-ce": apgdCe,
  "apgd-dlr": apgdDlr,
  "apgd-t": apgdT,
} as const satisfies Record<string, AnyAttack<DifferentiableModel>>;
export type Method = keyof typeof METHODS;
const NAMES = Object.keys(METHODS) as readonly Method[];

export interface TransferOptions {
  /** The attack on the surrogate, by its name. */
  readonly method: Method;
}

/**
 * Transfer (Papernot, McDaniel and Goodfellow 2016): an attack on another model, the surrogate, whose candidates are given to
 * the model attacked, which is asked nothing before it is judged. It needs no gradients of that model, and shows what an
 * attacker without access can do; where it beats an attack that sees the gradients, those gradients are masked.
 *
 * Default: MI-FGSM (Dong et al. 2018, https://arxiv.org/abs/1710.06081), whose momentum transfers better than the steps of
 * BIM, with its own defaults, but that a sample goes on after it has fooled the surrogate, since another model wants a margin.
 * So it does with NI-FGSM, BIM and PGD; APGD leaves a sample as soon as it has fooled the surrogate, and transfers badly.
 */
export const transfer = defineAttack<Model, TransferOptions>({
  name: "transfer",
  title: "transfer from a surrogate model",
  paper: "https://arxiv.org/abs/1605.07277",
  norms: ["linf", "l2", "l1"],
  aim: "within-epsilon",
  needs: "logits",
  also: "surrogate",
  defaults: { method: "mi-fgsm" },
  choices: { method: NAMES },
  about: { method: "the attack on the surrogate" },
  async propose(task, { method }) {
    const attack: AnyAttack<DifferentiableModel> = METHODS[method];
    if (!attack.norms.includes(task.norm.name))
      throw new PerturbError(
        "usage",
        `${method} has no ${task.norm.name} version. It knows ${attack.norms.join(", ")}; choose another transfer.method.`,
      );
    const model = surrogateOf(task);
    // The gradient that may be known at x is that of the model attacked.
    const there: AttackTask<DifferentiableModel> = { ...task, model, start: undefined };
    if ("stopAtSuccess" in attack.defaults)
      return proposeWith({ attack, options: { ...attack.defaults, stopAtSuccess: false } }, there);
    // Each ε by itself: what fooled the surrogate at a smaller one is not good enough for another model.
    const candidates: FloatTensor[] = [];
    for (const [k, epsilon] of task.epsilons.entries()) {
      const wanted = task.wanted?.map((count) => Number(k < count));
      const alone = { ...there, epsilons: [epsilon], wanted };
      candidates.push(...(await proposeWith({ attack, options: attack.defaults }, alone)));
    }
    return candidates;
  },
});

/** @throws usage where there is none; mismatch where it is no model of the same task */
function surrogateOf({ model, surrogate }: AttackTask<Model>): DifferentiableModel {
  if (!surrogate)
    throw new PerturbError(
      "usage",
      `transfer finds its candidates on another model. Give one (${option("surrogate")}), such as another network for the same data.`,
    );
  if (!isDifferentiable(surrogate))
    throw new PerturbError(
      "usage",
      `transfer needs the gradients of its surrogate, and ${(surrogate as Model).name} has none. Choose another surrogate (${option("surrogate")}).`,
    );
  for (const part of ["inputShape", "classes", "bounds", "elements"] as const) {
    const [own, other] = [JSON.stringify(model[part]) ?? "none", JSON.stringify(surrogate[part]) ?? "none"];
    if (own !== other)
      throw new PerturbError(
        "mismatch",
        `The surrogate ${surrogate.name} has ${part} ${other.slice(0, 100)}, and ${model.name} has ${own.slice(0, 100)}. Choose a surrogate for the same data.`,
      );
  }
  return surrogate;
}
