import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../../../test/support/report.ts";
import { csvLine, fromInert, toCsv } from "./csv.ts";

/** RFC 4180, read by its grammar, letter by letter. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let [row, field, quoted]: [string[], string, boolean] = [[], "", false];
  for (let i = 0; i < text.length; i++) {
    const letter = text[i]!;
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[i + 1] === '"') field += text[++i];
      else quoted = false;
    } else if (letter === '"') quoted = true;
    else if (letter === ",") [row, field] = [[...row, field], ""];
    else if (letter === "\r" && text[i + 1] === "\n") {
      rows.push([...row, field]);
      [row, field] = [[], ""];
      i++;
    } else field += letter;
  }
  expect([row, field, quoted]).toEqual([[], "", false]);
  return rows;
}

describe("toCsv", () => {
  it("has a head, the clean row and a row for each point", () => {
    const { evaluation } = fixture({ attacks: ["fgsm", "pgd"] });
    const [head, clean, first, ...others] = parseCsv(toCsv(evaluation));
    expect(head?.join()).toBe(
      "attack,norm,epsilon,correct,total,accuracy,ci95_low,ci95_high,attacked,fooled,fooled_confidence,largest_distance",
    );
    expect(clean?.slice(0, 6)).toEqual(["clean", "linf", "0", "9810", "10000", "0.981"]);
    expect(clean?.slice(8)).toEqual(["0", "0", "", "0"]);
    expect(first).toEqual([
      "fgsm",
      "linf",
      "0.05",
      "9426",
      "10000",
      "0.9426",
      ...evaluation.points[0]!.ci95.map(String),
      "9810",
      "384",
      "0.61",
      "0.05",
    ]);
    expect(others).toHaveLength(11);
  });

  it("has the clean row alone at ε = 0", () => {
    const { evaluation } = fixture();
    const [point] = evaluation.points;
    const rows = parseCsv(toCsv({ ...evaluation, points: [{ ...point!, epsilon: 0 }, point!] }));
    expect(rows.map(([attack, , epsilon]) => [attack, epsilon])).toEqual([
      ["attack", "epsilon"],
      ["clean", "0"],
      [point!.attack, String(point!.epsilon)],
    ]);
  });

  it("keeps numbers exact and texts whole, whatever they hold", () => {
    const { evaluation } = fixture();
    const [point] = evaluation.points;
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom("", ",", '"', "\r\n", '","'),
        fc.double({ noNaN: true }).filter((epsilon) => epsilon !== 0),
        (name, odd, epsilon) => {
          const attack = name + odd;
          const row = parseCsv(toCsv({ ...evaluation, points: [{ ...point!, attack, epsilon }] }))[2]!;
          expect(fromInert(row[0]!)).toBe(attack);
          expect(Number(row[2])).toBe(epsilon + 0);
          expect(row).toHaveLength(12);
        },
      ),
    );
  });
});

describe("a text in a CSV file", () => {
  it.each([`=HYPERLINK("http://x","y")`, "+1+cmd|'/C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "'"])(
    "is no formula: %j",
    (text) => {
      const [[field]] = parseCsv(csvLine([text])) as [[string]];
      expect(field[0]).toBe("'");
      expect(fromInert(field)).toBe(text);
    },
  );

  it("is as it was where no spreadsheet would run it, and so is a number", () => {
    expect(csvLine(["7/a.png", "x=1", -0.5, null])).toBe("7/a.png,x=1,-0.5,\r\n");
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(fromInert(parseCsv(csvLine([text]))[0]![0]!)).toBe(text);
      }),
    );
  });
});
