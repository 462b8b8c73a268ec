import { describe, expect, it } from "vitest";
import { commandWords } from "./cli/option-words.ts";
import { option, reworded } from "./option.ts";

describe("an option in a message", () => {
  it("is in the words of the library", () => {
    expect(option("seed")).toBe("`seed`");
    expect(option("eot", 20)).toBe("`eot: 20`");
    expect(option("normalization.mean", [0.485, 0.456])).toBe("`normalization.mean: [0.485, 0.456]`");
    expect(option("device", "cpu")).toBe('`device: "cpu"`');
  });

  it.each([
    [`Use ${option("device", "cpu")} here.`, "Use --device cpu here."],
    [`(${option("normalization.mean", [0.485, 0.456])})`, "(--mean 0.485,0.456)"],
    [`${option("feeds")}`, "--feed NAME=FILE"],
    [`${option("labels", "a `b`.npy")}`, "--labels a `b`.npy"],
    ["A text `of` its own, `npm test`, `limit: and more", "A text `of` its own, `npm test`, `limit: and more"],
  ])("%s is %s on the command line", (message, said) => {
    expect(commandWords(message)).toBe(said);
    expect(commandWords(said)).toBe(said);
  });

  it("tells a door its value as one would type it", () => {
    const told: unknown[] = [];
    reworded(`${option("eot", 20)} ${option("seed")}`, (...all) => {
      told.push(all);
      return "";
    });
    expect(told).toEqual([["eot", "20"], ["seed"]]);
  });
});
