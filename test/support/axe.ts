import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";

/** What axe objects to, with the elements. Our pages have no frames, for which axe would open another page at each call. */
export async function objections(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"] })
    .analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
