import { fashionMnist } from "./fashion-mnist.ts";
import type { KnownDataset } from "./known.ts";
import { mnist } from "./mnist.ts";

/** The published data sets that are known by name. */
export const datasets = { mnist, "fashion-mnist": fashionMnist } as const satisfies Record<string, KnownDataset>;
