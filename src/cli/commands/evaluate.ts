import { evaluating } from "../evaluating.ts";
import { interruptible } from "../interrupt.ts";
import { evaluateOptions } from "../options/evaluate-options.ts";

export const evaluateCommand = evaluateOptions().action(async (given, command) =>
  interruptible(async (beforeExit) => {
    const door = { name: "evaluate", gate: "robust" } as const;
    process.exitCode = await evaluating(door, given, command, (own) => own, beforeExit);
  }),
);
