import { expect, it } from "vitest";
import { sharesInWords, sharesOf } from "./shares.ts";

const lost = {
  margin: 4,
  linear: 1,
  rounding: 0.001,
  bound: -1.001,
  layers: [
    { op: "Relu", node: null, loss: 1 },
    { op: "MaxPool", node: "/pool", loss: 0 },
    { op: "Relu", node: null, loss: 3 },
  ],
};

it("causes stand the largest first, and add up to all", () => {
  const shares = sharesOf(lost);
  expect(shares.map(({ name }) => name)).toEqual(["Relu 2", "the linear part", "Relu 1", "rounding", "MaxPool /pool"]);
  expect(shares.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
  expect(sharesInWords(lost, 2)).toBe("60 % to Relu 2, 20 % to the linear part");
  expect(sharesInWords(lost, 9)).toBe("60 % to Relu 2, 20 % to the linear part, 20 % to Relu 1");
});
