import { expect, it } from "vitest";
import { picturesOf } from "./input-facts.ts";

it("says what is done to pictures, and where their middle begins if that is not torchvision's", () => {
  expect(picturesOf({ resize: 36, crop: 32 }, false)).toEqual({
    perturbed: false,
    resize: 36,
    interpolation: "bilinear",
    antialias: true,
    crop: 32,
  });
  expect(picturesOf({ crop: 32, cropRounding: "down" }, true)).toEqual({
    perturbed: true,
    crop: 32,
    cropRounding: "down",
  });
});
