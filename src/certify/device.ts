import { PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import type { Runtime } from "../runtime.ts";

/** @throws unsupported for another device than the CPU, whose kernels alone have the roundings that are allowed for */
export function requireCpu({ device }: Pick<Runtime, "device">, what: "Proofs" | "Bounds"): void {
  if (device !== "cpu")
    throw new PerturbError(
      "unsupported",
      `${what} hold for the order and precision of CPU kernels alone, not for ${device}. Use ${option("device", "cpu")}.`,
    );
}
