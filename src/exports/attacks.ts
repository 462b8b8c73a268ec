/**
 * The attacks, and all of them by name.
 * @module
 */
export { defineAttack } from "../attack.ts";
export { fgsm } from "../attacks/gradient/fgsm.ts";
export { type AttackName, attacks } from "../attacks/index.ts";
