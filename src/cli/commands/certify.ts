import { evaluating } from "../evaluating.ts";
import { interruptible } from "../interrupt.ts";
import { asEvaluation, certifyOptions } from "../options/certify-options.ts";

export const certifyCommand = certifyOptions().action(async (given, command) =>
  interruptible(async (beforeExit) => {
    const door = { name: "certify", gate: "certified" } as const;
    process.exitCode = await evaluating(door, given, command, asEvaluation, beforeExit);
  }),
);
