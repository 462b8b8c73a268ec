import { expect, it } from "vitest";
import { option } from "../../src/option.ts";
import { failureOf, pageWords } from "./failure.ts";

it.each([
  [
    `Leave normalization to ${option("normalization.mean")} and ${option("normalization.std")}.`,
    "Leave normalization to Mean and Std.",
  ],
  [
    `Try pixels from -1 to 1 (${option("normalization.mean", [0.5])} ${option("normalization.std", [0.5, 0.25])}).`,
    "Try pixels from -1 to 1 (Mean 0.5 Std 0.5,0.25).",
  ],
  [`Give that model (${option("surrogate")}).`, "Give that model (Second model)."],
  [`Raise its steps or restarts (${option("options")}).`, "Raise its steps or restarts (Options)."],
  [`Choose ${option("device", "cpu")}, or install what it needs.`, "Choose WebAssembly, or install what it needs."],
  [
    "Failed to fetch dynamically imported module: http://127.0.0.1/assets/models-Ddk.js",
    "A script of the page cannot be loaded. Reload the page.",
  ],
])("says %j in words of the page", (message, ours) => {
  expect(pageWords(message)).toBe(ours);
});

it("says once of an option that it does not have where it is", () => {
  const once = pageWords(`Name the one to perturb (${option("input")}).`);
  expect(once).toBe(
    "Name the one to perturb (“input”). The library and the command line have this option, and the page does not.",
  );
  // The worker says it, and the page again.
  expect(failureOf({ code: "usage", message: once })).toEqual({ code: "usage", message: once });
});
