import { expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { accuracyOf } from "../../evaluate/results/statistics.ts";
import { labelsSection } from "../page/labels.ts";
import { labelRows } from "./labels.ts";

const label = (number: number) => ({
  label: number,
  clean: accuracyOf(9, 10),
  worst: [
    { epsilon: 0, ...accuracyOf(9, 10) },
    { epsilon: 8 / 255, ...accuracyOf(4, 10) },
  ],
});

it("a table holds the accuracy of each label, clean and at each ε beyond 0", () => {
  expect(labelRows([label(0), label(3)])).toEqual([
    ["label", "clean", "ε 8/255"],
    ["0", "90.00%", "40.00%"],
    ["3", "90.00%", "40.00%"],
  ]);
  const many = Array.from({ length: 50 }, (_, i) => label(i));
  expect(labelRows(many)).toHaveLength(42);
  expect(labelRows(many).at(-1)).toEqual(["and 10 more, in report.json"]);
});

it("a section of the report holds the same, of multi-label models alone", () => {
  const { evaluation } = fixture();
  expect(labelsSection(evaluation)).toBeNull();
  const { text } = labelsSection({ ...evaluation, labels: [label(3)] })!;
  expect(text).toMatch(/<th scope="col">at ε = 8\/255<\/th>/);
  expect(text).toMatch(/<th scope="row" class="text">3<\/th><td>90.00%<\/td><td>40.00%<\/td>/);
});
