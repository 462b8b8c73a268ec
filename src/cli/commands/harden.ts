import { hardenOptions } from "../options/harden-options.ts";

export const hardenCommand = hardenOptions().action(async (model, given, command) => {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    const { hardening } = await import("../hardening.ts");
    await hardening(model, given, command, controller.signal);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
});
