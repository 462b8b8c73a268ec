import { describe, expect, it } from "vitest";
import { smoothingCsv, smoothingDocument } from "./smoothing.ts";
import { smoothingJsonSchema, smoothingSchema } from "./smoothing-schema.ts";

const samples = [
  { index: 3, label: 1, class: 1, radius: 0.5, abstained: false, lower: 0.9, count: 95, seconds: 0.25 },
  { index: 4, label: 0, class: -1, radius: 0, abstained: true, lower: 0.4, count: 50, seconds: 0.5 },
];
const result = {
  model: {
    name: "net.onnx",
    sha256: null,
    inputShape: [3],
    classes: 2,
    head: "logits" as const,
    parameters: null,
    bounds: { lower: 0, upper: 1 },
    preprocessing: null,
  },
  data: { name: "points", total: 2, offset: 3 },
  smoothing: {
    sigma: 0.25,
    selection: 10,
    draws: 100,
    alpha: 0.05,
    seed: 0,
    norm: "l2" as const,
    largestRadius: 0.47,
  },
  figures: { samples: 2, abstained: 1, averageRadius: 0.25, certified: [{ radius: 0, correct: 1, accuracy: 0.5 }] },
  samples,
  warnings: [],
};

describe("smoothingJsonSchema", () => {
  // After a change on purpose: npx vitest run src/report/files/smoothing-schema.test.ts -u
  it("is what schema/smoothing.schema.json holds", async () => {
    await expect(`${JSON.stringify(smoothingJsonSchema(), null, 2)}\n`).toMatchFileSnapshot(
      "../../../schema/smoothing.schema.json",
    );
  });

  it("takes what is written, and says what it means", () => {
    const document = smoothingSchema.parse(JSON.parse(JSON.stringify(smoothingDocument(result))));
    expect(document.samples.map(({ correct }) => correct)).toEqual([true, false]);
    expect(document.meaning).toMatch(
      /^Of each sample by itself, with probability 0\.95 .*nothing of the model without noise/,
    );
  });
});

describe("smoothingCsv", () => {
  it("has a row for each sample", () => {
    expect(smoothingCsv(result)).toBe(
      "index,label,class,correct,radius,abstained,lower,count,seconds\r\n3,1,1,true,0.5,false,0.9,95,0.25\r\n4,0,-1,false,0,true,0.4,50,0.5\r\n",
    );
  });
});
