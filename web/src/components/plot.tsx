import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { PlotSpec } from "../../../src/report/plots/plot.ts";
import { drawPlot } from "../plots/draw.ts";
import { svgElement } from "../plots/svg.ts";
import { filling, known, loadingSignal } from "../state/loading.ts";
import { FailureOf } from "./failure.tsx";
import { attachTooltips } from "./plot-tooltips.ts";
import "./plot.css";

/** Rem for each unit of a plot: its smallest letters, of 12 units, are then as large as small print. */
const UNIT = 1.1 / 16;
/** Widths are rounded to so many units, so that a moving edge does not draw at each pixel. */
const STEP = 20;

/**
 * A plot in the colours of the page, made for the width that there is. The one before stays until the new one is drawn. `height` is
 * about what it will have, in units of the plot.
 */
export function Plot({ spec, label, height }: PlotProps) {
  const host = useRef<HTMLElement>(null);
  const picture = useRef<HTMLDivElement>(null);
  const width = useUnits(host);
  const { svg, draw } = useMemo(drawing, []);
  // Compared as text: a plot of the same content is not drawn again.
  const text = width === 0 ? "" : JSON.stringify(spec(width));
  useEffect(() => {
    if (text !== "") draw(text);
  }, [text]);
  const drawn = known(svg.value);
  useEffect(() => {
    if (drawn === undefined) return;
    const element = svgElement(drawn);
    element.style.width = `${Number(element.getAttribute("width")) * UNIT}rem`;
    picture.current!.replaceChildren(element);
    return attachTooltips(element, host.current!);
  }, [drawn]);
  return (
    <figure ref={host} class="plot" style={{ minHeight: `${height * UNIT}rem` }}>
      <div ref={picture} role="img" aria-label={label} />
      <FailureOf loading={svg.value} />
    </figure>
  );
}

interface PlotProps {
  readonly spec: (width: number) => PlotSpec;
  /** What it shows, in words. */
  readonly label: string;
  readonly height: number;
}

/** Units of a plot below which the names of its series stand one below the other. */
const NARROW = 440;

/** A plot without its title, which the page says in its own words, of this size with all that belongs to it. */
export const fitted = (spec: PlotSpec, width: number, height: number): PlotSpec =>
  ({
    ...untitled(spec),
    ...(width < NARROW && {
      config: { ...spec.config, legend: { ...spec.config?.legend, direction: "vertical" } },
    }),
    width,
    height,
    autosize: { type: "fit", contains: "padding" },
  }) as PlotSpec;

/** A plot without its title, and with little around it. */
export const untitled = (spec: PlotSpec): PlotSpec => ({ ...spec, title: "", padding: 2 });

function drawing() {
  const svg = loadingSignal<string>();
  return { svg, draw: filling(svg, (text: string) => drawPlot(JSON.parse(text) as PlotSpec)) };
}

/** The width of an element in units of plots; 0 while it is not known. */
function useUnits(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      setWidth(Math.floor(entry!.contentRect.width / (rem * UNIT) / STEP) * STEP);
    });
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, []);
  return width;
}
