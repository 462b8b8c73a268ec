import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { certifyOptions } from "./options/certify-options.ts";
import { mergedOptions } from "./resume.ts";

const BEGUN = ["certify", "--eps", "0.1", "--certificates", "proofs.jsonl", "--json", "result.json"];
const merged = (...args: string[]) => {
  const command = certifyOptions();
  const given = command.parse(["--resume", "runs/one", ...args], { from: "user" }).opts();
  return mergedOptions(command, given, BEGUN, "runs/one");
};

describe("a run that goes on", () => {
  it("writes certificates where it was begun with them, or elsewhere", () => {
    expect(merged()).toMatchObject({ eps: [0.1], certificates: "proofs.jsonl" });
    expect(merged("--certificates", "other.jsonl")).toMatchObject({ certificates: "other.jsonl" });
  });

  it("leaves results to be asked for again, for they can be had at any time", () => {
    expect(merged().json).toBeUndefined();
  });

  it("has its own options", async () => {
    expect((await failure("usage", () => merged("--eps", "0.2"))).message).toMatch(/--eps is 0.1 there, not 0.2/);
  });
});
