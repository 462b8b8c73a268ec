import { apgdCe, apgdDlr, apgdT } from "./apgd.ts";
import { autoAttack, autoAttackPlus, autoAttackRand } from "./auto-attack.ts";
import { bim } from "./bim.ts";
import { boundary } from "./boundary.ts";
import { cw } from "./cw.ts";
import { cwLinf } from "./cw-linf.ts";
import { ddn } from "./ddn.ts";
import { deepfool } from "./deepfool.ts";
import { ead } from "./ead.ts";
import { fab, fabT } from "./fab.ts";
import { fgsm } from "./fgsm.ts";
import { fmn } from "./fmn.ts";
import { gaussianNoise } from "./gaussian-noise.ts";
import { hopskipjump } from "./hopskipjump.ts";
import { jsma } from "./jsma.ts";
import { miFgsm } from "./mi-fgsm.ts";
import { nes } from "./nes.ts";
import { niFgsm } from "./ni-fgsm.ts";
import { onePixel } from "./one-pixel.ts";
import { pgd } from "./pgd.ts";
import { rFgsm } from "./r-fgsm.ts";
import { rotationTranslation } from "./rotation-translation.ts";
import { saltAndPepper } from "./salt-and-pepper.ts";
import { sigmaZero } from "./sigma-zero.ts";
import { sparseL1 } from "./sparse-l1.ts";
import { spsa } from "./spsa.ts";
import { square } from "./square.ts";
import { transfer } from "./transfer.ts";
import { uniformNoise } from "./uniform-noise.ts";
import { universal } from "./universal.ts";

/** Every attack by its name. */
export const attacks = {
  "apgd-ce": apgdCe,
  "apgd-dlr": apgdDlr,
  "apgd-t": apgdT,
  autoattack: autoAttack,
  "autoattack-plus": autoAttackPlus,
  "autoattack-rand": autoAttackRand,
  bim,
  boundary,
  cw,
  "cw-linf": cwLinf,
  ddn,
  deepfool,
  ead,
  fab,
  "fab-t": fabT,
  fgsm,
  fmn,
  "gaussian-noise": gaussianNoise,
  hopskipjump,
  jsma,
  "mi-fgsm": miFgsm,
  nes,
  "ni-fgsm": niFgsm,
  "one-pixel": onePixel,
  pgd,
  "r-fgsm": rFgsm,
  "rotation-translation": rotationTranslation,
  "salt-and-pepper": saltAndPepper,
  "sigma-zero": sigmaZero,
  "sparse-l1": sparseL1,
  spsa,
  square,
  transfer,
  "uniform-noise": uniformNoise,
  universal,
} as const;
export type AttackName = keyof typeof attacks;
