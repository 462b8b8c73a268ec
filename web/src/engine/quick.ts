import { PerturbError } from "../../../src/errors.ts";
import type { ModelInfo } from "../engine.ts";

/** Multiply-adds of a sample, up to which proofs and trainings are a matter of seconds and minutes. */
const LARGEST = 20_000_000;

/** @throws unsupported for a network that the page would take too long for; `does` what it is asked, which `command` does, too */
export function requireQuick({ name, inspection }: ModelInfo, does: string, command: string): void {
  const { total } = inspection.multiplyAdds;
  if (total > LARGEST)
    throw new PerturbError(
      "unsupported",
      `${name} has ${total} multiply-adds a sample, and the page ${does} networks of up to ${LARGEST}. Use the command line: ${command}.`,
    );
}
