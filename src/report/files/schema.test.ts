import { describe, expect, it } from "vitest";
import { reportJsonSchema } from "./schema.ts";

describe("reportJsonSchema", () => {
  // After a change on purpose: npx vitest run src/report/files/schema.test.ts -u
  it("is what schema/report.schema.json holds", async () => {
    await expect(`${JSON.stringify(reportJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
      "../../../schema/report.schema.json",
    );
  });

  it("is a closed draft 2020-12 schema with a name of its own", () => {
    expect(reportJsonSchema()).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "urn:perturb:report:2",
      title: "perturb report",
      additionalProperties: false,
      required: expect.arrayContaining(["clean", "points", "linearity"]),
    });
  });
});
