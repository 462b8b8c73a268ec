import { describe, expect, it } from "vitest";
import { run } from "../../../test/support/evaluate.ts";
import { arrayDataset, floats, twoClassGraph } from "../../../test/support/models.ts";
import { PerturbError } from "../../errors.ts";
import { classifierFile } from "../../models/classifier/classifier.ts";
import { readCertified } from "./certified.ts";

describe("readCertified", () => {
  it("reads lines with or without titles", () => {
    expect(readCertified("index,radius\r\n0,0.5\r\n7,1e-3\r\n", "c.csv")).toEqual(new Map([[0, 0.5], [7, 0.001]])); // biome-ignore format: one line says it
    expect(readCertified("3,0\n", "c.csv").get(3)).toBe(0);
  });

  it.each(["0", "0,1,2", "-1,2", "a,1", "0,-1", "0,inf", "0,", "1.5,2"])("refuses the line %s", (line) => {
    expect(() => readCertified(`index,radius\n${line}`, "c.csv")).toThrow(PerturbError);
    expect(() => readCertified(`index,radius\n${line}`, "c.csv")).toThrow(/^c.csv, line 2/);
  });
});

describe("an evaluation with certificates", () => {
  // The boundary lies at x0 = x1: the L∞ distance to it is |x0 - x1| / 2.
  const file = classifierFile(twoClassGraph(Float32Array.of(1, -1)), { name: "linear" });
  const data = arrayDataset(floats([3, 2], [0.6, 0.4, 0.4, 0.6, 0.9, 0.1]), [1, 0, 1], 2);
  const codes = async (radius: number) => {
    const certified = new Map([0, 1, 2].map((index) => [index, radius]));
    const { evaluation } = await run(file, data, { epsilons: [0.15], certified });
    return evaluation.warnings.filter(({ code }) => code === "certified-fooled").map(({ message }) => message);
  };

  it("says nothing where both can be true", async () => expect(await codes(0.1)).toEqual([]));

  it("warns where a sample is fooled inside its radius", async () => {
    expect((await codes(0.2))[0]).toMatch(
      /^2 samples were fooled inside .* sample 0, fooled at 0.15 and certified up to 0.2\./,
    );
  });
});
