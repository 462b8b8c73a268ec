import { apgdCe, apgdDlr, apgdT } from "./apgd.ts";
import { bim } from "./bim.ts";
import { cw } from "./cw.ts";
import { ddn } from "./ddn.ts";
import { deepfool } from "./deepfool.ts";
import { fgsm } from "./fgsm.ts";
import { fmn } from "./fmn.ts";
import { gaussianNoise } from "./gaussian-noise.ts";
import { miFgsm } from "./mi-fgsm.ts";
import { nes } from "./nes.ts";
import { niFgsm } from "./ni-fgsm.ts";
import { pgd } from "./pgd.ts";
import { rFgsm } from "./r-fgsm.ts";
import { saltAndPepper } from "./salt-and-pepper.ts";
import { spsa } from "./spsa.ts";
import { square } from "./square.ts";
import { uniformNoise } from "./uniform-noise.ts";

/** Every attack by its name. */
export const attacks = {
  "apgd-ce": apgdCe,
  "apgd-dlr": apgdDlr,
  "apgd-t": apgdT,
  bim,
  cw,
  ddn,
  deepfool,
  fgsm,
  fmn,
  "gaussian-noise": gaussianNoise,
  "mi-fgsm": miFgsm,
  nes,
  "ni-fgsm": niFgsm,
  pgd,
  "r-fgsm": rFgsm,
  "salt-and-pepper": saltAndPepper,
  spsa,
  square,
  "uniform-noise": uniformNoise,
} as const;
export type AttackName = keyof typeof attacks;
