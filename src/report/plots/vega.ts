import type { Spec } from "vega";
import type { TopLevelSpec } from "vega-lite";
import type { PlotSpec } from "./plot.ts";

const vega = () => Promise.all([import("vega-lite"), import("vega"), import("vega-interpreter")] as const);

/** Loads Vega, which takes longer than to draw with it. */
export const loadVega = async (): Promise<void> => void (await vega());

/** A plot as SVG texts. */
export interface Drawing {
  readonly wide: string;
  /** The same for narrow places, without its title. */
  readonly narrow?: string;
}

/**
 * A plot as SVG text: the same text for the same plot. Needs no DOM, and no leave to make code from text: expressions are
 * interpreted, because the policy of a page may forbid `eval`.
 */
export async function toSvg(plot: PlotSpec): Promise<string> {
  return (await viewOf(plot)).toSVG();
}

/** Of a plot in a narrow place: its letters, of 12 units, are legible where the place is 330 pixels wide. */
const NARROW = { width: 240, height: 230 } as const;
const IS_NARROW = `width <= ${NARROW.width}`;

/** A plot as `toSvg` draws it, and once more for narrow places, which takes little longer than to draw it once. */
export async function draw(plot: PlotSpec): Promise<Required<Drawing>> {
  const view = await viewOf(plot, adaptive);
  const wide = await view.toSVG();
  return { wide, narrow: await view.width(NARROW.width).height(NARROW.height).toSVG() };
}

/** Without its title where it is narrow, which the page says in its own words, and with a legend of one column. */
function adaptive({ title, legends, ...rest }: Spec): Spec {
  const wideOnly = (text: unknown) => ({ signal: `${IS_NARROW} ? "" : ${JSON.stringify(text)}` });
  return {
    ...rest,
    ...(typeof title === "object" && {
      title: {
        ...title,
        text: wideOnly(title.text),
        subtitle: wideOnly(title.subtitle ?? ""),
        offset: { signal: `${IS_NARROW} ? 0 : ${JSON.stringify(title.offset ?? 0)}` },
      },
    }),
    ...(legends && { legends: legends.map((legend) => ({ ...legend, columns: { signal: `${IS_NARROW} ? 1 : 0` } })) }),
  };
}

async function viewOf(plot: PlotSpec, change = (spec: Spec): Spec => spec) {
  const [{ compile }, { parse, View }, { expressionInterpreter: expr }] = await vega();
  return new View(parse(change(compile(plot as object as TopLevelSpec).spec), undefined, { ast: true }), {
    renderer: "none",
    expr,
  });
}
