import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure } from "../../../test/support/datasets.ts";
import {
  collect,
  fooledSample,
  sampleRecord as notFooledSample,
  sampleRecords,
} from "../../../test/support/sample-records.ts";
import type { SampleRecord } from "../../evaluate.ts";
import { CERTIFIED_COLUMNS, headerOf, readSamples, SAMPLE_COLUMNS, SAMPLES_HEADER, sampleLine } from "./samples.ts";

const textOf = (records: readonly SampleRecord[]) => SAMPLES_HEADER + records.map(sampleLine).join("");
const read = (...chunks: string[]) => collect(readSamples(chunks, "samples.csv"));

describe("samples.csv", () => {
  it("names its columns, each a key of the record", () => {
    expect(SAMPLES_HEADER).toBe(
      "index,label,prediction,margin,outcome,epsilon,attack,adversarial_prediction,linf,l2,l1,l0,queries,forwards,gradients,seconds,source\r\n",
    );
    expect(SAMPLE_COLUMNS.map(({ key }) => key).sort()).toEqual(Object.keys(notFooledSample).sort());
  });

  it("holds a sample a line, empty where there is nothing to say", () => {
    expect(sampleLine(notFooledSample)).toBe("7,2,2,3.5,not-fooled,,,,,,,,40,42,40,0.125,\r\n");
    expect(sampleLine(fooledSample)).toBe("8,1,1,0.25,fooled,0.1,pgd,7,0.1,1.5,30.25,500,12,13,12,0.0625,7/a.png\r\n");
  });

  it("is read back as it was, wherever the text is cut", async () => {
    await fc.assert(
      fc.asyncProperty(sampleRecords, fc.array(fc.nat(2000), { maxLength: 5 }), async (records, cuts) => {
        const text = textOf(records);
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length];
        const chunks = places.slice(1).map((end, i) => text.slice(places[i], end));
        expect(await read(...chunks)).toEqual(records);
      }),
    );
  });

  it("names a file that a spreadsheet would take for a formula, and runs no formula", async () => {
    const record = { ...fooledSample, source: "=1+1/a.png" };
    expect(sampleLine(record)).toContain(",'=1+1/a.png\r\n");
    expect(await read(textOf([record]))).toEqual([record]);
  });

  it("may have passed through a tool that ends lines otherwise", async () => {
    expect(await read(textOf([notFooledSample, fooledSample]).replaceAll("\r\n", "\n"))).toEqual([
      notFooledSample,
      fooledSample,
    ]);
  });
});

describe("what is no samples.csv", () => {
  const line = sampleLine(fooledSample);
  const altered = (name: string, value: string) => {
    const i = SAMPLE_COLUMNS.findIndex((column) => column.name === name);
    return line
      .trimEnd()
      .split(",")
      .map((field, j) => (i === j ? value : field))
      .join(",")
      .concat("\r\n");
  };

  it.each<[string, string, RegExp]>([
    ["nothing", "", /line 1 is missing/],
    ["another table", "attack,norm\r\n", /line 1 does not name the columns/],
    ["a page", "<!doctype html>\n<html>\n", /line 1 does not name/],
    ["a torn line", `${SAMPLES_HEADER}${line.slice(0, -2)}`, /line 2 is cut off/],
    ["a torn quote", `${SAMPLES_HEADER}"1,2`, /line 2 is cut off/],
    ["a torn head", SAMPLES_HEADER.slice(0, 20), /line 1 is cut off/],
    ["an empty line", `${SAMPLES_HEADER}\r\n`, /line 2 has 1 fields, not 17/],
    ["a field too many", `${SAMPLES_HEADER}${line.trimEnd()},1\r\n`, /line 2 has 18 fields/],
    ["a stray quote", `${SAMPLES_HEADER}${altered("attack", 'p"gd')}`, /line 2 is cut off/],
    ["text after a quote", `${SAMPLES_HEADER}${altered("attack", '"p"gd')}`, /quote in the middle/],
    ["a line without end", `${SAMPLES_HEADER}${"1".repeat(20_000)}`, /line 2 is too long/],
    ["a quote without end", `${SAMPLES_HEADER}"${"\n".repeat(20_000)}`, /line 2 is too long/],
    ["a sample twice", `${SAMPLES_HEADER}${line}${line}`, /line 3 has index 8 after 8/],
    ["a sample out of order", `${SAMPLES_HEADER}${line}${altered("index", "3")}`, /line 3 has index 3 after 8/],
    [
      "a sample with an attack that is not fooled",
      SAMPLES_HEADER + altered("outcome", "not-fooled"),
      /not-fooled, with epsilon/,
    ],
    ["a fooled sample without a distance", SAMPLES_HEADER + altered("l2", ""), /fooled, without l2/],
    [
      "a misclassified sample that is correct",
      `${SAMPLES_HEADER}7,2,2,3.5,misclassified,,,,,,,,4,4,4,0,\r\n`,
      /misclassified, with label 2/,
    ],
    [
      "a sample that is not fooled and misclassified",
      `${SAMPLES_HEADER}7,2,3,3.5,not-fooled,,,,,,,,4,4,4,0,\r\n`,
      /not-fooled, with label 2/,
    ],
  ])("%s", async (_, text, message) => {
    expect((await failure("invalid-file", () => read(text))).message).toMatch(message);
  });

  it.each([
    ["index", ["", "-1", "1.5", "1e3x", "4294967296", "0x10", " 1", "NaN"]],
    ["label", ["-1", "cat"]],
    ["prediction", ["-2"]],
    ["margin", ["NaN", "Infinity", "-Infinity", "1e999", "1,", "--1"]],
    ["outcome", ["", "Robust", "toString", "__proto__"]],
    ["epsilon", ["-0.1", "1/255"]],
    ["adversarial_prediction", ["-1"]],
    ["linf", ["-1"]],
    ["queries", ["-1", "0.5"]],
    ["seconds", ["", "-1"]],
  ])("a value that %s cannot have", async (name, values) => {
    for (const value of values) {
      const { message } = await failure("invalid-file", () => read(SAMPLES_HEADER + altered(name, value)));
      expect(message).toMatch(/^samples\.csv holds no samples of perturb: line 2 /);
      expect(message.length).toBeLessThan(300);
    }
  });

  it("whatever else: an error of ours, or records", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 60 }), fc.nat(400), async (noise, at) => {
        const text = textOf([notFooledSample, fooledSample]);
        const place = at % text.length;
        const damaged = text.slice(0, place) + noise + text.slice(place + noise.length);
        const outcome = await read(damaged).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toMatchObject({ code: "invalid-file" });
      }),
    );
  });
});

describe("the records of a run that certifies", () => {
  const open = { certifiedEpsilon: 0.0125, certifiedBy: "crown", openReason: "crown bounds the margin, to class 5" };
  const none = { certifiedEpsilon: null, certifiedBy: null, openReason: null };

  it("come back with what is proven of each", async () => {
    const records = [
      { ...notFooledSample, ...open },
      { ...fooledSample, ...none },
    ];
    const text = headerOf(CERTIFIED_COLUMNS) + records.map(sampleLine).join("");
    expect(await read(text)).toEqual(records);
  });
});
