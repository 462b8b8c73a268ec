import type { ComponentChildren } from "preact";
import "./epsilon-scale.css";

/** What is known along the slider of ε: where the class is proven to stay, from where on it does not, and nothing in between. */
export function EpsilonScale({ id, max, proven, fooled, children }: EpsilonScaleProps) {
  const at = (epsilon: number): string => `${100 * Math.min(1, epsilon / max)}%`;
  return (
    <div class="epsilon-scale">
      <div class="epsilon-scale-track" aria-hidden="true">
        {proven === null ? null : <div class="epsilon-scale-proven" style={{ width: at(proven) }} />}
        {fooled === null || fooled > max ? null : <div class="epsilon-scale-fooled" style={{ left: at(fooled) }} />}
      </div>
      <ul id={id}>{children}</ul>
    </div>
  );
}

interface EpsilonScaleProps {
  /** Of the text, by which the slider is described. */
  readonly id: string;
  readonly max: number;
  /** The largest ε that is proven; null where none is. */
  readonly proven: number | null;
  /** The smallest ε at which an attack fools; null where none does. */
  readonly fooled: number | null;
  /** The two lines of the legend. */
  readonly children: ComponentChildren;
}

/** A line of the legend, with the mark that it is about. */
export const EpsilonMark = ({ kind, shown, children }: EpsilonMarkProps) => (
  <li class={shown ? `epsilon-mark ${kind}` : "epsilon-mark"}>{children}</li>
);

interface EpsilonMarkProps {
  readonly kind: "proven" | "fooled";
  /** Whether there is such a mark now. */
  readonly shown: boolean;
  readonly children: ComponentChildren;
}
