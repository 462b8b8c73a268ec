import { fgsm } from "./fgsm.ts";

/** Every attack by its name. */
export const attacks = { fgsm } as const;
export type AttackName = keyof typeof attacks;
