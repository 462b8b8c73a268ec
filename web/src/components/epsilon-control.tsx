import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import type { NormName } from "../../../src/norm.ts";
import type { Budget } from "../state/budget.ts";
import { Amount } from "./amount.tsx";
import "./epsilon-control.css";

/** ε by slider and by number; in L∞ also in steps of an 8-bit picture, of which `range` has 255. */
export function EpsilonControl({ norm, value, budget, range, describedBy, children, onValue }: EpsilonControlProps) {
  const id = useId();
  const { max, step, whole } = budget;
  return (
    <div class="epsilon-control">
      <label for={id}>Budget ε</label>
      <input
        id={id}
        type="range"
        min={0}
        max={max}
        step={step}
        value={Math.min(value, max)}
        aria-describedby={describedBy}
        aria-valuetext={String(Number(value.toPrecision(4)))}
        onInput={(event) => onValue(event.currentTarget.valueAsNumber)}
      />
      {children}
      <div class="epsilon-amounts">
        <Amount label={UNITS[norm]} value={value} whole={whole} onValue={onValue} />
        {norm === "linf" ? (
          <Amount label="n/255" value={(value / range) * 255} digits={4} onValue={(n) => onValue((n / 255) * range)} />
        ) : null}
      </div>
    </div>
  );
}

const UNITS: Readonly<Record<NormName, string>> = {
  linf: "Pixel units",
  l2: "Pixel units",
  l1: "Pixel units",
  l0: "Values changed",
  spatial: "Share",
};

interface EpsilonControlProps {
  readonly norm: NormName;
  readonly value: number;
  readonly budget: Budget;
  /** From black to white. */
  readonly range: number;
  /** The id of what else says of the slider. */
  readonly describedBy: string;
  /** What stands below the slider. */
  readonly children: ComponentChildren;
  readonly onValue: (epsilon: number) => void;
}
