import { dirname, resolve } from "node:path";
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { PerturbError } from "../../errors.ts";
import { quote } from "../../report/files/command.ts";
import { requireOutputs, writeAtomically } from "../files.ts";
import { interruptible } from "../interrupt.ts";
import { isAddress } from "../opening/address.ts";
import { openSubject } from "../opening/subject.ts";
import { commandWords, warningWords } from "../option-words.ts";
import { modelArgument } from "../options/definitions.ts";
import {
  attacksGiven,
  budgetOption,
  fitOption,
  fittingGroups,
  halvesGiven,
  refuseWithoutBudget,
} from "../options/fitting-options.ts";
import { only, withGroups } from "../options/group.ts";
import { outputOptions } from "../options/groups.ts";
import { columns, complain, helpText, print, printJson, prose } from "../output.ts";
import { progressLine, silent } from "../progress.ts";
import { temperedBytes } from "../tempered.ts";

export const calibrateCommand = withGroups(
  new Command("calibrate")
    .description(
      prose(`Measures how well a model's probabilities fit what happens, and mends them by a temperature (Guo et al. 2017): softmax(logits / T).
One share of the samples gives T, by Newton's method; the figures, without T and with it, are those of the others. --out writes the same ONNX file
with one Div on its logits. No prediction changes.`),
    )
    .addArgument(modelArgument())
    .option("--out <model.onnx>", "Save the calibrated model as this file. Without it, perturb only measures.")
    .addOption(fitOption())
    .addOption(budgetOption("Calibration is measured under attack too. Without it, on clean samples alone."))
    .addHelpText("after", () =>
      helpText(`
ECE and adaptive ECE: how far accuracy and mean confidence lie apart in 15 bins, of equal width and of as many samples each. Brier: the mean
squared error of the probabilities, from 0 to 2. NLL: the mean of -log p of the label. All are better when smaller.

A model that ends in a softmax keeps it: the Div stands in front of it. Use samples that the model was not trained on.

Examples:
  perturb calibrate lenet-mnist --data mnist --out calibrated.onnx
  perturb calibrate net.onnx --data held-out/ --preprocess imagenet --fit 0.3 --json calibration.json
  perturb calibrate net.onnx --data test.npz --eps 2/255,8/255 --attack apgd-ce --limit 2000`),
    ),
  ...fittingGroups("pgd"),
  only(outputOptions(), "json", "quiet"),
).action(async (model, given, command) => interruptible(() => run(model, given, command)));

type Given = ReturnType<typeof calibrateCommand.opts>;

async function run(model: string, given: Given, command: CommandUnknownOpts): Promise<void> {
  const { out, json, eps } = given;
  if (eps === undefined) refuseWithoutBudget(command);
  if (out !== undefined && isAddress(model))
    throw new PerturbError(
      "usage",
      "A model behind an address cannot be written into a file. Leave --out out, or give the file of its network.",
    );
  await requireOutputs(out, json);
  const subject = await openSubject({ ...given, model });
  const progress = given.quiet ? silent : progressLine("calibrating", "samples");
  try {
    const { calibrate } = await import("../../evaluate/calibration/calibrate.ts");
    const result = await calibrate(subject.model, subject.data, {
      ...halvesGiven(given),
      ...(eps && { under: { ...attacksGiven(given), epsilons: eps } }),
      onProgress: (pass, done, total) => progress.update(done, total, pass),
    });
    progress.finish();
    for (const { message } of result.warnings) complain(`warning: ${commandWords(message)}`);
    const bytes = out === undefined ? undefined : await temperedBytes(model, given, subject, result.temperature);
    if (bytes) await bytes.bring(dirname(resolve(out!)));
    if (bytes) await writeAtomically(out!, (file) => file.writeFile(bytes.onnx));
    const [{ calibrationDocument }, { calibrationRows }] = await Promise.all([
      import("../../report/files/calibration.ts"),
      import("../../report/terminal/calibration.ts"),
    ]);
    const document = calibrationDocument({ ...result, warnings: warningWords(result.warnings) });
    if (json !== undefined && json !== "-")
      await writeAtomically(json, (file) => file.writeFile(`${JSON.stringify(document, null, 2)}\n`));
    if (json === "-") return printJson(document);
    const { data, temperature } = result;
    print(
      `${result.model.name} on ${data.name}: temperature ${temperature.toPrecision(6)}, fitted to ${data.fit} samples, measured on ${data.measured} others`,
      ...columns(calibrationRows(result), "right"),
      "",
      out === undefined
        ? `To save it: perturb calibrate ${quote(model)} … --out calibrated.onnx`
        : `Calibrated model: ${out}`,
    );
  } finally {
    progress.finish();
    await subject.model.release();
  }
}
