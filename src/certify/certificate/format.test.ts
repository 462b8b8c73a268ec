import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { PerturbError } from "../../errors.ts";
import type { Certificate, Heading } from "./certificate.ts";
import { certificateLine, headingLine, LONGEST_LINE, readCertificate, readHeading } from "./format.ts";
import type { Layers } from "./layers.ts";

const heading: Heading = { model: "a".repeat(64), classifier: "0".repeat(64), shape: [1, 2, 2], classes: 3 };
const network: Layers = {
  shape: [1, 2, 2],
  inputs: 4,
  layers: [{ kind: "curve", name: "y", size: 4, from: 0, f: Math.abs, kinks: [0], relative: 0 }],
  output: 1,
  classes: 3,
  names: new Map(),
};
const certificate: Certificate = {
  sample: 7,
  label: 2,
  lower: Float32Array.of(0, -1.5, 2 ** -149, -0),
  upper: Float32Array.of(1, 1.5, 3e38, 0),
  margins: [0.1, 2],
  claims: [
    {
      elements: Int32Array.of(0, 3),
      lower: Float32Array.of(-1, 0),
      upper: Float32Array.of(1, 2),
      slopes: { lower: Float32Array.of(0, 0.1), upper: Float32Array.of(1, 1) },
    },
  ],
};
const line = certificateLine(certificate);
/** The line with some fields replaced. */
const but = (fields: Readonly<Record<string, unknown>>): string =>
  JSON.stringify({ ...(JSON.parse(line) as object), ...fields });
const claims = (fields: Readonly<Record<string, unknown>>): string =>
  but({ claims: [{ ...(JSON.parse(line) as { claims: object[] }).claims[0], ...fields }] });
const base64 = (...values: number[]): string => Buffer.from(Float32Array.from(values).buffer).toString("base64");
const places = (...values: number[]): string => Buffer.from(Int32Array.from(values).buffer).toString("base64");

describe("a file of certificates", () => {
  it("is read as it was written", () => {
    expect(readHeading(headingLine(heading))).toEqual(heading);
    expect(readCertificate(line, 2, network)).toEqual(certificate);
    const { sample: _, ...unnumbered } = certificate;
    expect(readCertificate(certificateLine(unnumbered), 2, network)).toEqual(unnumbered);
  });

  it("has lines that its schema describes", () => {
    const text = readFileSync(new URL("../../../schema/certificates.schema.json", import.meta.url), "utf8");
    const schema = z.fromJSONSchema(JSON.parse(text) as Parameters<typeof z.fromJSONSchema>[0]);
    for (const right of [headingLine(heading), line]) expect(schema.safeParse(JSON.parse(right)).success).toBe(true);
    for (const wrong of [but({ label: -1 }), but({ x: 1 }), but({ lower: "?" }), claims({ slopes: {} })])
      expect(schema.safeParse(JSON.parse(wrong)).success).toBe(false);
  });

  it.each([
    ["no JSON", "{", /no JSON/],
    ["no object", "[]", /an object is expected/],
    ["another format", JSON.stringify({ format: "x", version: 1, ...heading }), /format is not/],
    ["another version", JSON.stringify({ format: "perturb-certificates", version: 2, ...heading }), /of version 2/],
    ["a hash that is none", headingLine({ ...heading, model: "b" }), /SHA-256/],
    ["sizes that are none", headingLine({ ...heading, shape: [-1] }), /sizes/],
    ["classes that are none", headingLine({ ...heading, classes: 0 }), /classes/],
    [
      "a field that is not known",
      JSON.stringify({ format: "perturb-certificates", version: 1, ...heading, x: 1 }),
      /"x" is no field/,
    ],
  ])("is refused with %s in its heading", (_, text, message) => {
    expect(() => readHeading(text)).toThrow(message);
  });

  it.each([
    ["no JSON", line.slice(0, -5), /Line 2 .* no JSON/],
    ["a field too few", JSON.stringify({ label: 1 }), /"lower" is missing/],
    ["a field that is not known", but({ ["__proto__x"]: 1 }), /no field/],
    ["its prototype", line.replace("{", '{"__proto__":{},'), /"__proto__" is no field/],
    ["a label that is none", but({ label: 1.5 }), /no whole number/],
    ["a sample that is none", but({ sample: -1 }), /no whole number/],
    ["margins that are none", but({ margins: [1, "2"] }), /no list of 2 numbers/],
    ["margins without number", but({ margins: [1, 2, 3] }), /no list of 2 numbers/],
    ["base64 cut off", but({ lower: base64(1, 2, 3, 4).slice(0, -1) }), /4 numbers is expected/],
    ["an array too short", but({ lower: base64(1, 2, 3) }), /4 numbers is expected/],
    ["an array too long", but({ lower: base64(...new Array<number>(1000).fill(0)) }), /4 numbers is expected/],
    ["an array that is none", but({ lower: [1, 2, 3, 4] }), /no base64/],
    [
      "letters that are none",
      but({ lower: `${base64(1, 2, 3, 4).slice(0, 4)}!!!!${base64(1, 2, 3, 4).slice(8)}` }),
      /no base64/,
    ],
    ["padding inside", but({ lower: `====${base64(1, 2, 3, 4).slice(4)}` }), /no base64/],
    ["NaN", but({ lower: base64(1, 2, 3, Number.NaN) }), /not finite/],
    ["infinity", but({ upper: base64(1, 2, 3, Number.POSITIVE_INFINITY) }), /not finite/],
    ["claims that are none", but({ claims: {} }), /no list/],
    ["claims without number", but({ claims: [1, 2] }), /no list, or too many/],
    ["claims of no object", but({ claims: [null] }), /an object is expected/],
    ["places that do not rise", claims({ elements: places(3, 0) }), /do not rise/],
    ["a place twice", claims({ elements: places(3, 3) }), /do not rise/],
    ["a place below 0", claims({ elements: places(-1, 3) }), /do not rise/],
    ["places outside", claims({ elements: places(0, 4) }), /outside/],
    ["more places than elements", claims({ elements: places(0, 1, 2, 3, 4) }), /at most 4 places/],
    ["ends of other elements", claims({ lower: base64(1) }), /2 numbers is expected/],
    ["slopes of NaN", claims({ slopes: { lower: base64(0, Number.NaN), upper: base64(0, 0) } }), /not finite/],
    ["slopes of one side", claims({ slopes: { lower: base64(0, 0) } }), /"upper" is missing/],
  ])("is refused with %s in a certificate", (_, text, message) => {
    expect(() => readCertificate(text, 2, network)).toThrow(message);
  });

  it("is refused with a line too long, before it is read", () => {
    expect(() => readCertificate(" ".repeat(LONGEST_LINE + 1), 2, network)).toThrow(
      /characters, and 134217728 are allowed/,
    );
  });

  it("is read or refused, whatever it holds", () => {
    const value = fc.oneof(fc.json(), fc.string(), fc.constant(line), fc.constant(headingLine(heading)));
    const cut = fc.tuple(value, fc.nat(400), fc.nat(20)).map(([text, at, n]) => text.slice(0, at) + text.slice(at + n));
    fc.assert(
      fc.property(fc.oneof(value, cut), (text) => {
        for (const read of [readHeading, (t: string) => readCertificate(t, 2, network)])
          try {
            read(text);
          } catch (error) {
            expect(error).toBeInstanceOf(PerturbError);
            expect(["invalid-file", "unsupported"]).toContain((error as PerturbError).code);
          }
      }),
      { numRuns: 500 },
    );
  });
});
