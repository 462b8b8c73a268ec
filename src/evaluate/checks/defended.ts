import type { Accuracy, DefenceResult, Evaluation, Warning } from "../../evaluate.ts";
import type { DefenceFacts } from "../../models/defences/recognise.ts";
import { option } from "../../option.ts";
import type { Tally } from "../results/tally.ts";

/** Of a model with defences. */
export const defendedOf = (
  defence: DefenceFacts | undefined,
  { unadapted }: Tally,
  epsilons: readonly number[],
  accuracyOf: (correct: number) => Accuracy,
): { defence?: DefenceResult } =>
  defence && unadapted
    ? {
        defence: {
          names: defence.names,
          undefended: accuracyOf(unadapted.network),
          unadapted: unadapted.correct.map((correct, k) => ({ epsilon: epsilons[k]!, ...accuracyOf(correct) })),
        },
      }
    : {};

/** How attacks adapted, and the ε at which the defences claim most beyond what they hold. */
export function defenceWarnings(
  facts: DefenceFacts | undefined,
  { defence, worst }: Pick<Evaluation, "defence" | "worst">,
): Warning[] {
  if (!facts) return [];
  const how = howOf(facts);
  const begin = `The model has a defence in front of its network: ${facts.names.join(", then ")}. Attacks know it${how.length > 0 ? `: ${how.join(", and ")}` : ""}.`;
  if (!defence)
    return facts.encodes
      ? [
          {
            code: "defence",
            message: `${begin} What it claims cannot be told: the network takes the encoding, and cannot be attacked without it.`,
          },
        ]
      : [];
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const at = worst
    .map(({ epsilon, accuracy }, k) => ({ epsilon, accuracy, claimed: defence.unadapted[k]!.accuracy }))
    .toSorted((a, b) => b.claimed - b.accuracy - (a.claimed - a.accuracy));
  const [most, least] = [at[0]!, at.at(-1)!];
  const weaker =
    least.claimed < least.accuracy
      ? ` At ε = ${least.epsilon}, those made on the network alone leave less, ${percent(least.claimed)} against ${percent(least.accuracy)}: the attacks of this run are too weak to tell what the defence is worth. Add a stronger one, such as ${option("attacks", "pgd")} with more steps.`
      : "";
  return [
    {
      code: "defence",
      message: `${begin} At ε = ${most.epsilon} they leave ${percent(most.accuracy)}; the same attacks made on the network alone leave ${percent(most.claimed)}, which is what the defence claims.${weaker}`,
    },
  ];
}

/** How attacks adapt. */
const howOf = ({ straightThrough, isRandom }: DefenceFacts): string[] => [
  ...(straightThrough > 0
    ? [`the gradient passes straight through ${straightThrough} of its nodes, which step (BPDA)`]
    : []),
  ...(isRandom ? ["gradients and logits are averaged over its draws (EoT)"] : []),
];
