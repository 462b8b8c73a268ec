import { evaluating } from "../evaluating.ts";
import { interruptible } from "../interrupt.ts";
import { refuseBesideCheck } from "../options/certificates-check.ts";
import { asEvaluation, certifyOptions } from "../options/certify-options.ts";
import { refuseWithoutSmoothing } from "../options/smoothing-check.ts";

export const certifyCommand = certifyOptions().action(async (given, command) =>
  interruptible(async (beforeExit) => {
    if (given.check !== undefined) {
      refuseBesideCheck(command);
      const { checkCertificates } = await import("../certificates.ts");
      process.exitCode = await checkCertificates(given.check, asEvaluation(given));
      return;
    }
    const smoothing = await import("../smoothing.ts");
    if (given.smoothing !== undefined || (await smoothing.holdsSmoothing(given.resume))) {
      process.exitCode = await smoothing.certifySmoothed(given, command, beforeExit);
      return;
    }
    refuseWithoutSmoothing(command);
    const door = { name: "certify", gate: "certified" } as const;
    process.exitCode = await evaluating(door, given, command, asEvaluation, beforeExit);
  }),
);
