import type { Config } from "vega-lite";

export type Theme = "light" | "dark";

/** Colours of the page and of its plots. All of one palette differ, so that a colour stands for its role. */
export interface Palette {
  readonly background: string;
  readonly surface: string;
  readonly ink: string;
  readonly muted: string;
  readonly line: string;
  readonly link: string;
  readonly right: string;
  readonly wrong: string;
  readonly "warning-surface": string;
  readonly "warning-line": string;
  readonly "series-1": string;
  readonly "series-2": string;
  readonly "series-3": string;
  readonly "series-4": string;
  readonly "series-5": string;
  readonly "series-6": string;
}

/** Text is at least 4.5:1 and lines of plots 3:1 against the background (WCAG 2.2 AA). */
export const PALETTES: Readonly<Record<Theme, Palette>> = {
  light: {
    background: "#ffffff",
    surface: "#f5f6f8",
    ink: "#1a212b",
    muted: "#5a6473",
    line: "#dfe3e8",
    link: "#1f58c0",
    right: "#2e8b74",
    wrong: "#d5495a",
    "warning-surface": "#fff6e0",
    "warning-line": "#b97a0b",
    "series-1": "#2f66d0",
    "series-2": "#c8434f",
    "series-3": "#1d8468",
    "series-4": "#a8690c",
    "series-5": "#7a4fb8",
    "series-6": "#4b5a6d",
  },
  dark: {
    background: "#14181e",
    surface: "#1c222a",
    ink: "#e6eaf0",
    muted: "#9ba7b6",
    line: "#2f3844",
    link: "#8ab4ff",
    right: "#3fa88e",
    wrong: "#e0566a",
    "warning-surface": "#2c2413",
    "warning-line": "#d9a03c",
    "series-1": "#7da9ff",
    "series-2": "#ff8b92",
    "series-3": "#4fcca6",
    "series-4": "#efb75a",
    "series-5": "#c19dff",
    "series-6": "#a9b5c5",
  },
};

/** The colours of series, in order; the seventh series begins anew. */
export const seriesColors = (theme: Theme): string[] =>
  Object.entries(PALETTES[theme]).flatMap(([role, color]) => (role.startsWith("series-") ? [color] : []));

/** The palette as CSS custom properties. */
export const cssVariables = (theme: Theme): string =>
  Object.entries(PALETTES[theme])
    .map(([role, color]) => `--${role}:${color};`)
    .join("");

/** An SVG drawn in the light theme, with its colours as CSS custom properties: it follows the theme of its page. */
export function followTheme(svg: string): string {
  const roles = new Map(Object.entries(PALETTES.light).map(([role, color]) => [color, role]));
  return svg.replace(/(fill|stroke)="(#[0-9a-f]{6})"/g, (whole, attribute: string, color: string) => {
    const role = roles.get(color);
    return role === undefined ? whole : `${attribute}="var(--${role})"`;
  });
}

// The fonts that most machines have, so that an SVG looks the same on them.
export const SVG_FONT = "DejaVu Sans, Arial, sans-serif";

/** Vega-Lite's configuration of a plot. */
export interface PlotConfig {
  readonly legend?: Readonly<Record<string, unknown>>;
  readonly [property: string]: unknown;
}

/** How the plots look. */
export function plotConfig(theme: Theme): PlotConfig {
  const { background, ink, muted, line } = PALETTES[theme];
  const label = {
    labelColor: muted,
    labelFontSize: 12,
    titleColor: ink,
    titleFontSize: 12,
    titleFontWeight: "normal",
  } as const;
  return {
    // The element that holds a plot says in words what it shows; only points have texts of their own.
    aria: false,
    mark: { aria: false },
    background,
    font: SVG_FONT,
    padding: 16,
    view: { stroke: null },
    axis: { ...label, grid: true, gridColor: line, domain: false, ticks: false, labelPadding: 8, titlePadding: 12 },
    axisX: {
      grid: false,
      domain: true,
      domainColor: muted,
      ticks: true,
      tickColor: muted,
      tickSize: 4,
      labelPadding: 4,
      labelFlush: false,
    },
    legend: {
      ...label,
      title: null,
      orient: "bottom",
      direction: "horizontal",
      columnPadding: 20,
      symbolStrokeWidth: 2,
      symbolOpacity: 1,
      labelLimit: 240,
    },
    title: {
      anchor: "start",
      color: ink,
      fontSize: 15,
      fontWeight: "bold",
      subtitleColor: muted,
      subtitleFontSize: 12,
      subtitlePadding: 6,
      offset: 16,
      limit: 632,
    },
    range: { category: seriesColors(theme) },
  } satisfies Config;
}
