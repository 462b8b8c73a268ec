import { evaluating } from "../evaluating.ts";
import { interruptible } from "../interrupt.ts";
import { asEvaluation, certifyOptions } from "../options/certify-options.ts";

export const certifyCommand = certifyOptions().action(async (given, command) =>
  interruptible(async (beforeExit) => {
    if (given.check !== undefined) {
      const { checkCertificates } = await import("../certificates.ts");
      process.exitCode = await checkCertificates(given.check, asEvaluation(given));
      return;
    }
    const door = { name: "certify", gate: "certified" } as const;
    process.exitCode = await evaluating(door, given, command, asEvaluation, beforeExit);
  }),
);
