import { describe, expect, it } from "vitest";
import { HEAT } from "./page/style.ts";
import { followTheme, PALETTES, seriesColors } from "./theme.ts";

type Rgb = readonly [number, number, number];
const rgb = (color: string): Rgb =>
  [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16) / 255) as unknown as Rgb;
const mix = (a: Rgb, b: Rgb, share: number): Rgb => a.map((v, i) => v * share + b[i]! * (1 - share)) as unknown as Rgb;

/** Contrast ratio, WCAG 2.2. */
function contrast(a: Rgb, b: Rgb): number {
  const luminance = (color: Rgb) => {
    const [r, g, b] = color.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)) as unknown as Rgb;
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [light, dark] = [luminance(a), luminance(b)].toSorted((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe.each(["light", "dark"] as const)("the %s palette", (theme) => {
  const palette = PALETTES[theme];
  const background = rgb(palette.background);

  it("has text of at least 4.5:1 on everything that text stands on", () => {
    for (const surface of [palette.background, palette.surface, palette["warning-surface"]])
      for (const text of [palette.ink, palette.muted, palette.link])
        expect(contrast(rgb(text), rgb(surface))).toBeGreaterThanOrEqual(4.5);
    for (const tint of [palette.right, palette.wrong])
      expect(contrast(rgb(palette.ink), mix(rgb(tint), background, HEAT))).toBeGreaterThanOrEqual(4.5);
  });

  it("has lines of plots of at least 3:1", () => {
    for (const line of [...seriesColors(theme), palette.muted])
      expect(contrast(rgb(line), background)).toBeGreaterThanOrEqual(3);
    expect(contrast(rgb(palette["warning-line"]), rgb(palette["warning-surface"]))).toBeGreaterThanOrEqual(3);
  });

  it("gives each role a colour of its own", () => {
    expect(new Set(Object.values(palette)).size).toBe(Object.keys(palette).length);
  });
});

describe("followTheme", () => {
  it("replaces colours by their roles, and leaves texts and other colours", () => {
    expect(followTheme('<rect fill="#ffffff" stroke="#2f66d0"/><g fill="#123456">#ffffff</g>')).toBe(
      '<rect fill="var(--background)" stroke="var(--series-1)"/><g fill="#123456">#ffffff</g>',
    );
  });
});
