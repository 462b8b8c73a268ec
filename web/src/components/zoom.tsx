import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Example, Picture } from "../../../src/evaluate.ts";
import { type NormName, norms } from "../../../src/norm.ts";
import { formatEpsilon, formatNumber, formatPercent, NORM_SYMBOL } from "../../../src/report/format.ts";
import { toPixels } from "../../../src/report/pictures/picture.ts";
import { Comparison } from "./comparison.tsx";
import { PixelPicture } from "./pixels.tsx";
import "./zoom.css";

/** A sample and what an attack made of it; a clean one has itself as `adversarial`. */
export type ZoomExample = Example & Picture;

export type Distances = Readonly<Record<(typeof MEASURED)[number], number>>;

const MEASURED = ["linf", "l2", "l1", "l0"] as const satisfies NormName[];

/**
 * One example, large, in a dialog: Escape, a click beside it or its button close it, and the focus returns to what opened
 * it. Unmount it in `onClose`.
 */
export function Zoom(props: ZoomProps) {
  const { example, epsilon, bounds, classNames, attack, note, onClose, onStep } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const [amplify, setAmplify] = useState<number | null>(null);
  // Before it is painted, so that nothing flashes.
  useLayoutEffect(() => dialog.current!.showModal(), []);
  const { index, shape, original, adversarial } = example;
  const name = (label: number): string => classNames[label] ?? String(label);
  const isClean = adversarial === original;
  return (
    <dialog
      ref={dialog}
      class="zoom"
      aria-labelledby={title}
      onClose={onClose}
      onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
      onKeyDown={(event) => onStep && step(event, onStep)}
    >
      <div class="zoom-content">
        <header class="zoom-header">
          <h2 id={title} aria-live="polite">
            {name(example.label)} → {name(example.prediction)}
          </h2>
          <div class="zoom-buttons">
            {onStep ? (
              <>
                <button type="button" aria-keyshortcuts="ArrowLeft" onClick={() => onStep(-1)}>
                  Previous
                </button>
                <button type="button" aria-keyshortcuts="ArrowRight" onClick={() => onStep(1)}>
                  Next
                </button>
              </>
            ) : null}
            <button type="button" onClick={() => dialog.current!.close()}>
              Close
            </button>
          </div>
        </header>
        {isClean ? (
          <div class="zoom-clean">
            <PixelPicture pixels={toPixels(shape, original, bounds)} label={`Sample ${index}`} />
          </div>
        ) : (
          <Comparison
            {...{ shape, bounds, original, adversarial, amplify }}
            onAmplify={setAmplify}
            captions={{ original: name(example.label), adversarial: name(example.prediction) }}
          />
        )}
        {note ? <p class="zoom-note">{note}</p> : null}
        <dl class="zoom-facts">
          <Fact term="Sample">{index}</Fact>
          {example.source === undefined ? null : <Fact term="File">{example.source}</Fact>}
          <Fact term="Confidence">{formatPercent(example.confidence)}</Fact>
          <Fact term="ε">{isClean ? "0 (clean)" : formatEpsilon(epsilon)}</Fact>
          {attack && !isClean ? <Fact term="Attack">{attack}</Fact> : null}
          {isClean ? null : <DistanceFacts distances={props.distances ?? distancesOf(example)} />}
        </dl>
      </div>
    </dialog>
  );
}

interface ZoomProps {
  readonly example: ZoomExample;
  readonly epsilon: number;
  /** Of the model's input. */
  readonly bounds: { readonly lower: number; readonly upper: number };
  readonly classNames: readonly string[];
  readonly attack?: string | undefined;
  /** Where the pixels are rounded; otherwise they are measured here. */
  readonly distances?: Distances | undefined;
  /** What is to be known of the pixels. */
  readonly note?: string | undefined;
  readonly onClose: () => void;
  /** Asks for the example before or behind; without it there is only this one. */
  readonly onStep?: ((by: 1 | -1) => void) | undefined;
}

const Fact = ({ term, children }: { readonly term: string; readonly children: string | number }) => (
  <div>
    <dt>{term}</dt>
    <dd>{children}</dd>
  </div>
);

const DistanceFacts = ({ distances }: { readonly distances: Distances }) =>
  MEASURED.map((norm) => (
    <Fact key={norm} term={`${NORM_SYMBOL[norm]} distance`}>
      {norm === "l0" ? distances.l0 : formatNumber(distances[norm])}
    </Fact>
  ));

const distancesOf = ({ original, adversarial }: ZoomExample): Distances => ({
  linf: norms.linf.distance(original, adversarial),
  l2: norms.l2.distance(original, adversarial),
  l1: norms.l1.distance(original, adversarial),
  l0: norms.l0.distance(original, adversarial),
});

/** Arrow keys step, except where a control needs them itself. */
function step(event: KeyboardEvent, onStep: (by: 1 | -1) => void): void {
  const by = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
  const { target } = event;
  if (by === 0 || event.defaultPrevented || !(target instanceof Element)) return;
  if (target.closest("input, select, [role=slider]")) return;
  event.preventDefault();
  onStep(by);
}
