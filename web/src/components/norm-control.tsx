import type { NormName } from "../../../src/norm.ts";
import { NORM_SYMBOL } from "../../../src/report/format.ts";
import { Choice } from "./choice.tsx";

const WORDS: Readonly<Record<NormName, string>> = { ...NORM_SYMBOL, spatial: "rotation and shift" };

const MEANING: Readonly<Record<NormName, string>> = {
  linf: "Every value may change by up to ε.",
  l2: "The root of the sum of squared changes is at most ε.",
  l1: "The sum of all changes is at most ε.",
  l0: "Up to ε values may change, each by any amount.",
  spatial: "ε is a share of the largest rotation and shift.",
};

/** In what the size of a change is measured. */
export const NormControl = ({ norms, value, onValue }: NormControlProps) => (
  <Choice
    legend="Norm"
    options={norms.map((norm) => ({ value: norm, label: WORDS[norm] }))}
    value={value}
    hint={MEANING[value]}
    onValue={onValue}
  />
);

interface NormControlProps {
  readonly norms: readonly NormName[];
  readonly value: NormName;
  readonly onValue: (norm: NormName) => void;
}
