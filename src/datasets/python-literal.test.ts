import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PythonValue, parsePythonLiteral } from "./python-literal.ts";

/** A value as Python's repr writes it. */
function repr(value: PythonValue): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "string") return `'${value}'`;
  if (typeof value === "number") return String(value);
  if (value instanceof Map) return `{${Array.from(value, ([k, v]) => `'${k}': ${repr(v)}`).join(", ")}}`;
  const items = (value as readonly PythonValue[]).map(repr);
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
}

const text = fc.stringMatching(/^[ -&(-[\]-~]*$/);
const { value: anyValue } = fc.letrec<{ value: PythonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.maxSafeNat(),
    fc.constantFrom(true, false, null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.array(fc.tuple(text, tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
}));

describe("parsePythonLiteral", () => {
  it("reads back what Python writes", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(parsePythonLiteral(repr(value))).toEqual(value);
      }),
    );
  });

  it.each([
    ["(5)", 5],
    ["(5,)", [5]],
    ["()", []],
    ["[1, 2,]", [1, 2]],
    ["{}", new Map()],
    ["{'a': (10L, 2L), }", new Map([["a", [10, 2]]])],
    [`{"a" : 'b'}  \n`, new Map([["a", "b"]])],
    ["\n[1,\f\t2,\r00]", [1, 2, 0]],
  ])("reads %s", (literal, value) => {
    expect(parsePythonLiteral(literal)).toEqual(value);
  });

  it.each([
    "",
    "(",
    "{'a': 1",
    "{'a' 1}",
    "{1: 2}",
    "{'a': 1, 'a': 2}",
    "{'a': print}",
    "__import__('os')",
    "(1 2)",
    "(,)",
    "1 + 1",
    "1.5",
    "12ab",
    "'a\\n'",
    "'a",
    "(1]",
    "1 2",
    "-1",
    // Blanks and numbers that JavaScript knows, and Python does not.
    "[1,\u000b2]",
    "[1,\u00a02]",
    "[1]\u00a0",
    "[1]\u000b",
    "02",
    "08L",
    "(".repeat(60_000),
  ])("refuses %j", (literal) => {
    expect(() => parsePythonLiteral(literal)).toThrow(SyntaxError);
  });
});
