import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { facts, fold, table } from "./layout.ts";

const word = fc.stringMatching(/^[a-z0-9.,%|=]{1,30}$/);
const cell = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(" "));
const rows = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 6 }))
  .chain(([wide, long]) =>
    fc.array(fc.array(cell, { minLength: wide, maxLength: wide }), { minLength: long, maxLength: long }),
  );
const letters = (text: string) => Array.from(text.replaceAll(/\s/g, "")).sort().join("");

describe("layout", () => {
  it("folds between words, and cuts only a word that is longer than a line", () => {
    expect(fold("a bb ccc dddd", 6)).toEqual(["a bb", "ccc", "dddd"]);
    expect(fold("abcdefgh i", 3)).toEqual(["abc", "def", "gh", "i"]);
    expect(fold("", 3)).toEqual([""]);
  });

  it("keeps a table that fits as it is, and folds the widest column of one that does not", () => {
    const some = [
      ["name", "about"],
      ["x", "one two three four five six"],
    ];
    expect(table(some, 80)).toEqual(["name  about", "x     one two three four five six"]);
    expect(table(some, 24)).toEqual(["name  about", "x     one two three four", "      five six"]);
    expect(
      table(
        [
          ["n", "p"],
          ["10", "0.5"],
        ],
        80,
        "right",
      ),
    ).toEqual([" n    p", "10  0.5"]);
  });

  it("writes rows below each other where columns would be too narrow to read", () => {
    const some = [
      ["name", "first", "second"],
      ["x", "one two three four", "five six seven eight"],
    ];
    expect(table(some, 24)).toEqual([
      "x",
      "  first   one two three",
      "          four",
      "  second  five six seven",
      "          eight",
    ]);
  });

  it("stays in its room and loses nothing, whatever the rows", () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 40, max: 120 }), (some, room) => {
        const lines = table(some, room);
        expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(room);
        const [titles, ...rest] = some;
        for (const row of rest)
          for (const text of row) expect(letters(lines.join("")).length).toBeGreaterThanOrEqual(letters(text).length);
        if (lines.length === some.length)
          expect(letters(lines.join(""))).toBe(letters([titles!, ...rest].flat().join("")));
        const beside = facts(
          rest.map((row) => [row[0]!, row.at(-1)!]),
          room,
          4,
        );
        expect(Math.max(...beside.map(({ length }) => length))).toBeLessThanOrEqual(room);
        expect(letters(beside.join(""))).toBe(letters(rest.map((row) => row[0]! + row.at(-1)!).join("")));
      }),
    );
  });
});
