import { attackWords, type CommandSetting, commandLine, evaluateWords } from "../../../src/report/files/command.ts";
import type { AttackInfo, DataInfo, ModelInfo } from "../engine.ts";
import { courseOptions } from "./course.ts";
import type { Setting } from "./setting.ts";

/** What the page and the command line both know of a setting. */
function common(
  setting: Setting,
  model: ModelInfo,
  data: DataInfo,
): Omit<CommandSetting, "epsilons" | "offset" | "limit"> {
  const { arch, shape, mean, std } = model.options;
  return {
    model: model.name,
    ...(arch && { arch }),
    data: data.name,
    attacks: [{ name: setting.attack, options: setting.options }],
    norm: setting.norm,
    target: setting.target,
    seed: setting.seed,
    levels: setting.levels,
    ...(setting.attack === "transfer" && setting.second !== null && { surrogate: setting.second }),
    ...(shape && { shape }),
    ...(mean && { mean }),
    ...(std && { std }),
  };
}

/** `perturb attack` for the sample that is shown. Only samples of data have a number by which it can be told. */
export function attackCommand(
  setting: Setting,
  info: AttackInfo | undefined,
  model: ModelInfo,
  data: DataInfo,
): string | null {
  if (setting.input.kind !== "sample") return null;
  const { index } = setting.input;
  const words = attackWords({
    ...common({ ...setting, options: courseOptions(setting.options, info) }, model, data),
    epsilons: [setting.epsilon],
    offset: index,
    limit: 1,
    out: "adversarial/",
  });
  return commandLine([...words, "--png"]);
}

/** `perturb evaluate` for the experiment. */
export const evaluateCommand = (setting: Setting, model: ModelInfo, data: DataInfo): string =>
  commandLine(
    evaluateWords({
      ...common(setting, model, data),
      epsilons: setting.epsilons,
      offset: 0,
      limit: setting.limit < data.size ? setting.limit : null,
    }),
  );
