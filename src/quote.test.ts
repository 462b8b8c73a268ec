import { describe, expect, it } from "vitest";
import { PerturbError } from "./errors.ts";
import { guarded, harmless, plain } from "./quote.ts";

const evil = "\x1b]0;title\x07\x1b[2J\u009b31m\u202egpj.exe\r";

describe("names from files", () => {
  it("are escaped in every error, whoever throws it", () => {
    const { message } = new PerturbError("unsupported", `The node "${evil}" has no rule.`);
    expect(message).toBe(String.raw`The node "\u001b]0;title\u0007\u001b[2J\u009b31m\u202egpj.exe\u000d" has no rule.`);
  });

  it("begin no line of their own; lists of a message keep theirs", () => {
    expect(plain("Missing:\n  a\n  b")).toBe("Missing:\n  a\n  b");
    expect(plain('The node "x\nperturb: all is well\r\n\n  y".')).toBe('The node "x perturb: all is well y".');
  });

  it("are cut, and what follows them stays", () => {
    const long = new PerturbError("usage", `The input "${"n a".repeat(10 ** 6)}" is unknown. Name another.`).message;
    expect(long.length).toBeLessThan(260);
    expect(long).toMatch(/^The input "n an.*… ?.*a" is unknown\. Name another\.$/);
    const many = plain(`It has ${"name, ".repeat(10 ** 5)}and no more.`);
    expect(many.length).toBeLessThanOrEqual(8000);
    expect(many).toMatch(/and no more\.$/);
    // Said again, in another thread, it is the same.
    expect(plain(long)).toBe(long);
    expect(plain(many)).toBe(many);
  });

  it("that nobody has cut are, before a terminal", () => {
    const lines = guarded(`a${evil}\n${"b".repeat(10 ** 6)}\n`).split("\n");
    expect(lines[0]).toBe(String.raw`a\u001b]0;title\u0007\u001b[2J\u009b31m\u202egpj.exe\u000d`);
    expect(lines[1]!.length).toBe(8000);
    expect(guarded("an honest line,\n\tand another")).toBe("an honest line,\n\tand another");
  });

  it("keep letters of every script, and the lines of a text", () => {
    expect(plain("Größe ε = 0.1, 画像 🙂")).toBe("Größe ε = 0.1, 画像 🙂");
    expect(harmless(`{\n\t"name": "ü\u009b"\n}`)).toBe(`{\n\t"name": "ü\\u009b"\n}`);
  });
});
