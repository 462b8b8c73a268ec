import { expect, it } from "vitest";
import { failureOf, pageWords } from "./failure.ts";

it.each([
  ["Leave normalization to --mean and --std.", "Leave normalization to mean and std."],
  ["Try pixels from -1 to 1 (--mean 0.5 --std 0.5).", "Try pixels from -1 to 1 (mean 0.5, std 0.5)."],
  [
    "transfer works on another model. Name it with --surrogate.",
    "transfer works on another model. Choose a second model under The experiment.",
  ],
  [
    "it had not converged. Raise its steps or restarts with --set, or take --attack autoattack.",
    "it had not converged. Raise its steps or restarts under Options, or take the attack autoattack.",
  ],
  [
    "Failed to fetch dynamically imported module: http://127.0.0.1/assets/models-Ddk.js",
    "A script of the page cannot be loaded. Reload the page.",
  ],
])("says %j in words of the page", (message, ours) => {
  expect(pageWords(message)).toBe(ours);
});

it("says once of an option that it does not have where it is", () => {
  const once = pageWords("Name the one to perturb (--input-name).");
  expect(once).toMatch(/^Name the one to perturb \(--input-name\)\. The command line has/);
  // The worker says it, and the page again.
  expect(failureOf({ code: "usage", message: once })).toEqual({ code: "usage", message: once });
});
