import { z } from "zod";
import { type ArchitectureName, architectures } from "../architectures/index.ts";
import type { TrainOptions } from "../train.ts";
import { type OptimizerName, optimizers } from "./index.ts";
import { type InitializerName, initializers } from "./initializers.ts";
import { type ScheduleName, schedules } from "./schedule.ts";

const count = z.number().int().nonnegative();
const names = <T extends string>(table: Readonly<Record<T, unknown>>) => z.enum(Object.keys(table) as [T, ...T[]]);

/** All that decides the result of a training, as JSON. */
export const settingsSchema = z.strictObject({
  architecture: names<ArchitectureName>(architectures),
  /** A known name or a path, as it was given. */
  data: z.string(),
  /** Samples used, those for validation included. */
  samples: count,
  validation: count,
  /** Checkpoints of before there was a choice have none. */
  initializer: names<InitializerName>(initializers).default("torch"),
  optimizer: names<OptimizerName>(optimizers),
  weightDecay: z.number().nonnegative(),
  rate: z.number().nonnegative(),
  schedule: names<ScheduleName>(schedules),
  epochs: count,
  batch: count.min(1),
  seed: count,
});
export type TrainSettings = z.infer<typeof settingsSchema>;

type FromSettings =
  | "architecture"
  | "initializer"
  | "validation"
  | "limit"
  | "optimizer"
  | "rate"
  | "schedule"
  | "epochs"
  | "batch"
  | "seed";

/** The options that the settings stand for. */
export function optionsOf(settings: TrainSettings): Pick<TrainOptions, FromSettings> {
  const { samples: limit, validation, weightDecay, rate, epochs, batch, seed } = settings;
  return {
    architecture: architectures[settings.architecture],
    initializer: initializers[settings.initializer],
    optimizer: optimizers[settings.optimizer].make({ weightDecay }),
    schedule: schedules[settings.schedule],
    limit,
    validation,
    rate,
    epochs,
    batch,
    seed,
  };
}
