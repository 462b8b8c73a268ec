import { stderr } from "node:process";
import { Command } from "@commander-js/extra-typings";
import { evaluateCommand } from "./evaluate.ts";
import { explain } from "./exit.ts";
import { VERSION } from "./self.ts";

/** The command line. Gives the exit code by process.exitCode. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("perturb")
    .description("Measure, explain and raise the adversarial robustness of any ONNX classifier.")
    .version(VERSION)
    .showHelpAfterError("(--help shows all options)")
    .addCommand(evaluateCommand, { isDefault: true });
  for (const command of [program, ...program.commands]) command.exitOverride();
  try {
    await program.parseAsync(argv);
  } catch (error) {
    const { code, text } = explain(error);
    if (text) stderr.write(`${text}\n`);
    process.exitCode = code;
  }
}
