import { expect, it } from "vitest";
import { attacksTable } from "./support/attacks-table.ts";

it("docs/attacks.md is what the registry says: npm run docs:attacks writes it", async () => {
  await expect(attacksTable()).toMatchFileSnapshot("../docs/attacks.md");
});
