import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Bounds } from "../../../src/model.ts";
import { toPixels } from "../../../src/report/pictures/picture.ts";
import type { Sample } from "../engine.ts";
import { PixelPicture } from "./pixels.tsx";
import "./sample-strip.css";

/** Some samples in rows, one of them chosen. One stop of the Tab key; arrow keys move inside, and page at the ends. */
export function SampleStrip({ samples, chosen, shape, bounds, label, nameOf, onChoose, onPage }: SampleStripProps) {
  const strip = useRef<HTMLFieldSetElement>(null);
  /** Where the focus goes once the samples of another page are there. */
  const arriving = useRef<"first" | "last" | null>(null);
  const first = samples.some(({ index }) => index === chosen) ? chosen : samples[0]?.index;
  const press = (event: KeyboardEvent): void => {
    const buttons = [...strip.current!.querySelectorAll("button")];
    const columns = getComputedStyle(strip.current!).gridTemplateColumns.split(" ").length;
    const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = target(event.key, here, columns, buttons.length);
    if (to === null) return;
    event.preventDefault();
    if (buttons[to]) buttons[to].focus();
    else if (onPage(to < 0 ? -1 : 1)) arriving.current = to < 0 ? "last" : "first";
  };
  useEffect(() => {
    const buttons = strip.current!.querySelectorAll("button");
    if (arriving.current) buttons[arriving.current === "first" ? 0 : buttons.length - 1]?.focus();
    arriving.current = null;
  }, [samples]);
  return (
    <fieldset ref={strip} class="sample-strip" aria-label={label} onKeyDown={press}>
      {samples.map(({ index, label: of, x }, i) => (
        <button
          key={i}
          type="button"
          tabIndex={index === first ? 0 : -1}
          aria-pressed={index === chosen}
          aria-label={nameOf(index, of)}
          onClick={() => onChoose(index)}
        >
          <StripPicture shape={shape} x={x} bounds={bounds} />
        </button>
      ))}
    </fieldset>
  );
}

interface SampleStripProps {
  readonly samples: readonly Sample[];
  /** The index of the sample in use, -1 for none. */
  readonly chosen: number;
  readonly shape: readonly number[];
  readonly bounds: Bounds;
  readonly label: string;
  readonly nameOf: (index: number, label: number) => string;
  readonly onChoose: (index: number) => void;
  /** Turns the page; false where there is none. */
  readonly onPage: (by: 1 | -1) => boolean;
}

/** Where a key leads, beyond both ends too; null for other keys. */
function target(key: string, here: number, columns: number, count: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowLeft: here - 1,
    ArrowRight: here + 1,
    ArrowUp: here - columns,
    ArrowDown: here + columns,
    Home: 0,
    End: count - 1,
    PageUp: -1,
    PageDown: count,
  };
  return steps[key] ?? null;
}

interface StripPictureProps {
  readonly shape: readonly number[];
  readonly x: Float32Array;
  readonly bounds: Bounds;
}

function StripPicture({ shape, x, bounds }: StripPictureProps) {
  const pixels = useMemo(() => toPixels(shape, x, bounds), [shape, x, bounds]);
  return <PixelPicture pixels={pixels} label="" />;
}
