import { Command, Option } from "@commander-js/extra-typings";
import { stoppable } from "../interrupt.ts";
import { options } from "../options/definitions.ts";
import { wholeNumber } from "../options/values.ts";
import { complain, helpText, prose } from "../output.ts";

export const workerCommand = new Command("worker")
  .description(
    prose(`Works on the blocks of samples that perturb evaluate --queue and certify --queue put into a queue, on this machine, until Ctrl-C. Start one on each
machine. Model and samples come through the queue, and each is checked by its SHA-256. Blocks of a worker that went away are taken over by the others.`),
  )
  .addOption(options.queue().makeOptionMandatory())
  .addOption(
    new Option("--threads <n>", "How many blocks to work on at a time. (default: one for each core)").argParser(
      wholeNumber(1),
    ),
  )
  .addOption(
    new Option(
      "--takeover <seconds>",
      "How long another worker may give no sign of life before its blocks are taken over. (default: 30)",
    ).argParser(wholeNumber(1)),
  )
  .addHelpText("after", () =>
    helpText(`
Examples:
  perturb worker --queue redis://queue.example:6379
  perturb evaluate --model net.onnx --data images/ --attack autoattack --eps 8/255 --batch 10 --queue redis://queue.example:6379`),
  )
  .action(async ({ queue, threads, takeover }) =>
    stoppable(async (signal) => {
      const { serve } = await import("../../evaluate/queue/serve.node.ts");
      await serve(queue, { threads, takeover, signal, say: complain });
    }),
  );
