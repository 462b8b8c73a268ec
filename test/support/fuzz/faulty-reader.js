// A reader with a fault of each kind, told by the one byte of an input.
import { PerturbError } from "../../../dist/errors.js";

const FAULTS = {
  1: () => null.length,
  2: () => {
    for (;;);
  },
  3: () => process.abort(),
  4: () => new Uint8Array(1e8).fill(1).length,
  5: () => {
    throw new PerturbError("invalid-file", "Refused.");
  },
};

export const reader = {
  extension: "bin",
  seeds: [Uint8Array.of(0)],
  mutate: (seed, random) => seed.with(0, random.integer(6)),
  reads: [(bytes) => FAULTS[bytes[0]]?.()],
};
