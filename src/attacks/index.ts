import { gaussianNoise } from "./baselines/gaussian-noise.ts";
import { saltAndPepper } from "./baselines/salt-and-pepper.ts";
import { uniformNoise } from "./baselines/uniform-noise.ts";
import { boundary } from "./decisions/boundary.ts";
import { hopskipjump } from "./decisions/hopskipjump.ts";
import { autoAttack, autoAttackPlus, autoAttackRand } from "./ensembles/auto-attack.ts";
import { least } from "./ensembles/least.ts";
import { apgdCe, apgdDlr, apgdT } from "./gradient/apgd.ts";
import { bim } from "./gradient/bim.ts";
import { fgsm } from "./gradient/fgsm.ts";
import { miFgsm } from "./gradient/mi-fgsm.ts";
import { niFgsm } from "./gradient/ni-fgsm.ts";
import { pgd } from "./gradient/pgd.ts";
import { rFgsm } from "./gradient/r-fgsm.ts";
import { sparseL1 } from "./gradient/sparse-l1.ts";
import { cw } from "./least-change/cw.ts";
import { cwLinf } from "./least-change/cw-linf.ts";
import { ddn } from "./least-change/ddn.ts";
import { deepfool } from "./least-change/deepfool.ts";
import { ead } from "./least-change/ead.ts";
import { fab, fabT } from "./least-change/fab.ts";
import { fmn } from "./least-change/fmn.ts";
import { jsma } from "./least-change/jsma.ts";
import { pdgd } from "./least-change/pdgd.ts";
import { pdpgd } from "./least-change/pdpgd.ts";
import { sigmaZero } from "./least-change/sigma-zero.ts";
import { nes } from "./scores/nes.ts";
import { onePixel } from "./scores/one-pixel.ts";
import { spsa } from "./scores/spsa.ts";
import { square } from "./scores/square.ts";
import { rotationTranslation } from "./transfer-and-structure/rotation-translation.ts";
import { transfer } from "./transfer-and-structure/transfer.ts";
import { universal } from "./transfer-and-structure/universal.ts";

/** Every attack by its name, in families: each family is a folder. */
export const families = {
  "gradient, inside ε": {
    fgsm,
    "r-fgsm": rFgsm,
    bim,
    "mi-fgsm": miFgsm,
    "ni-fgsm": niFgsm,
    pgd,
    "apgd-ce": apgdCe,
    "apgd-dlr": apgdDlr,
    "apgd-t": apgdT,
    "sparse-l1": sparseL1,
  },
  "gradient, least change": {
    deepfool,
    ddn,
    fmn,
    cw,
    "cw-linf": cwLinf,
    ead,
    fab,
    "fab-t": fabT,
    jsma,
    pdgd,
    pdpgd,
    "sigma-zero": sigmaZero,
  },
  "scores only": { square, nes, spsa, "one-pixel": onePixel },
  "decisions only": { boundary, hopskipjump },
  "transfer and structure": { transfer, universal, "rotation-translation": rotationTranslation },
  baselines: { "uniform-noise": uniformNoise, "gaussian-noise": gaussianNoise, "salt-and-pepper": saltAndPepper },
  ensembles: { autoattack: autoAttack, "autoattack-plus": autoAttackPlus, "autoattack-rand": autoAttackRand, least },
} as const;
export type AttackFamily = keyof typeof families;

/** Every attack by its name. */
export const attacks = {
  ...families["gradient, inside ε"],
  ...families["gradient, least change"],
  ...families["scores only"],
  ...families["decisions only"],
  ...families["transfer and structure"],
  ...families.baselines,
  ...families.ensembles,
} as const;
export type AttackName = keyof typeof attacks;
