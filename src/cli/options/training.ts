import { Option } from "@commander-js/extra-typings";
import { type OptimizerName, optimizers } from "../../train/index.ts";
import { type InitializerName, initializers } from "../../train/initializers.ts";
import { type ScheduleName, schedules } from "../../train/schedule.ts";
import { parseNumber } from "./values.ts";

export const namesOf = <T extends string>(table: Readonly<Record<T, unknown>>): T[] => Object.keys(table) as T[];

const rates = namesOf(optimizers)
  .map((name) => `${optimizers[name].rate} for ${name}`)
  .join(", ");

export const optimizerOption = () =>
  new Option("--optimizer <name>", "The optimizer.")
    .choices(namesOf<OptimizerName>(optimizers))
    .default("adam" as const);

export const initializerOption = () =>
  new Option(
    "--init <name>",
    "How the first weights are drawn: as torch does, or so that intervals keep their widths, for an untrained network that perturb harden trains with --method ibp.",
  )
    .choices(namesOf<InitializerName>(initializers))
    .default("torch" as const);

export const rateOption = () =>
  new Option("--lr <rate>", `The highest learning rate. (default: ${rates})`).argParser(parseNumber);

export const scheduleOption = () =>
  new Option("--schedule <name>", "How the learning rate changes during training.")
    .choices(namesOf<ScheduleName>(schedules))
    .default("one-cycle" as const);

export const weightDecayOption = () =>
  new Option("--weight-decay <share>", "The L2 penalty on the weights.").argParser(parseNumber).default(0);
