import type { Detector } from "../detector.ts";
import { logitDistance } from "./logit-distance.ts";
import { squeeze } from "./squeeze.ts";

/** Every detector by its name, as it is by default. */
export const detectors = { squeeze: squeeze(), logits: logitDistance } as const satisfies Record<string, Detector>;

export type DetectorName = keyof typeof detectors;
