import type { ComponentChildren } from "preact";
import { useId, useMemo, useState } from "preact/hooks";
import type { Bounds } from "../../../src/model.ts";
import { layoutOf, toPixels } from "../../../src/report/pictures/picture.ts";
import { mapPixels, signedMap } from "../../../src/report/pictures/signed.ts";
import { PixelPicture } from "./pixels.tsx";
import { ScaleBar } from "./scale-bar.tsx";
import { Wipe } from "./wipe.tsx";
import "./comparison.css";

interface ComparisonProps {
  /** Of one sample. */
  readonly shape: readonly number[];
  readonly bounds: Bounds;
  readonly original: Float32Array;
  readonly adversarial: Float32Array;
  /** How many times the change is amplified; null: its largest value gets the full colour. */
  readonly amplify: number | null;
  readonly onAmplify: (amplify: number | null) => void;
  /** Below the pictures, such as "7, 99.8 %". */
  readonly captions?: { readonly original: ComponentChildren; readonly adversarial: ComponentChildren };
}

const AMPLIFICATIONS = [1, 2, 5, 10, 20] as const;

/** A sample, what was added to it, and the sum of both: side by side, or one under the other with a divider. */
export function Comparison({ shape, bounds, original, adversarial, amplify, onAmplify, captions }: ComparisonProps) {
  const [wiping, setWiping] = useState(false);
  const name = useId();
  const before = useMemo(() => toPixels(shape, original, bounds), [shape, original, bounds]);
  const after = useMemo(() => toPixels(shape, adversarial, bounds), [shape, adversarial, bounds]);
  const change = useMemo(() => changeOf(original, adversarial), [original, adversarial]);
  const scale = amplify === null ? change.largest : (bounds.upper - bounds.lower) / amplify;
  const signed = useMemo(() => changePixels(shape, change.values, scale), [shape, change, scale]);
  const view = (label: string, value: boolean) => (
    <label>
      <input type="radio" name={name} checked={wiping === value} onChange={() => setWiping(value)} /> {label}
    </label>
  );
  return (
    <div class="comparison">
      <fieldset class="comparison-view">
        <legend class="hidden">View</legend>
        {view("Side by side", false)}
        {view("Wipe", true)}
      </fieldset>
      <div class={wiping ? "comparison-pictures wiping" : "comparison-pictures"}>
        {wiping ? (
          <figure class="comparison-wipe">
            <Wipe under={before} over={after} />
            <figcaption>
              <span>Original{aside(captions?.original)}</span>
              <span>Adversarial{aside(captions?.adversarial)}</span>
            </figcaption>
          </figure>
        ) : (
          <figure class="comparison-original">
            <PixelPicture pixels={before} label="Original" />
            <figcaption>Original{aside(captions?.original)}</figcaption>
          </figure>
        )}
        <figure class="comparison-change">
          <PixelPicture pixels={signed} label={`Perturbation, at most ${change.largest.toPrecision(3)} per value`} />
          <figcaption>Perturbation</figcaption>
        </figure>
        <div class="comparison-scale">
          <ScaleBar scale={scale} grey={layoutOf(shape).channels === 3} />
          <label>
            <span>Amplified</span>
            <select
              value={amplify ?? "full"}
              onChange={({ currentTarget: { value } }) => onAmplify(value === "full" ? null : Number(value))}
            >
              <option value="full">to full scale</option>
              {AMPLIFICATIONS.map((times) => (
                <option key={times} value={times}>{`×${times}`}</option>
              ))}
            </select>
          </label>
        </div>
        {wiping ? null : (
          <figure class="comparison-adversarial">
            <PixelPicture pixels={after} label="Adversarial" />
            <figcaption>Adversarial{aside(captions?.adversarial)}</figcaption>
          </figure>
        )}
      </div>
    </div>
  );
}

const aside = (caption: ComponentChildren) => (caption ? <span class="comparison-aside">{caption}</span> : null);

function changeOf(original: Float32Array, adversarial: Float32Array) {
  const values = adversarial.map((value, i) => value - original[i]!);
  return { values, largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

/** A signed change: in colour mid-grey with the change of each channel on it, otherwise red where it is positive and blue where negative. */
const changePixels = (shape: readonly number[], values: Float32Array, scale: number) =>
  layoutOf(shape).channels === 3
    ? toPixels(shape, values, scale > 0 ? { lower: -scale, upper: scale } : { lower: -1, upper: 1 })
    : mapPixels(signedMap(shape, values), scale);
