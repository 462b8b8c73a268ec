import { stoppable } from "../interrupt.ts";
import { hardenOptions } from "../options/harden-options.ts";

export const hardenCommand = hardenOptions().action((model, given, command) =>
  stoppable(async (signal) => {
    const { hardening } = await import("../hardening.ts");
    await hardening(model, given, command, signal);
  }),
);
