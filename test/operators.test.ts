import { expect, it } from "vitest";
import { operatorsTable } from "./support/operators-table.ts";

it("docs/operators.md is what the rules say: npm run docs:operators writes it", async () => {
  await expect(operatorsTable()).toMatchFileSnapshot("../docs/operators.md");
});
