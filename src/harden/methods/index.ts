import { awp } from "./awp.ts";
import { consistency } from "./consistency.ts";
import { crownIbp } from "./crown-ibp.ts";
import { fgsmRs } from "./fgsm-rs.ts";
import { gaussian } from "./gaussian.ts";
import { gradAlign } from "./grad-align.ts";
import { ibp } from "./ibp.ts";
import { mart } from "./mart.ts";
import { nFgsm } from "./n-fgsm.ts";
import { pgd } from "./pgd.ts";
import { sabr } from "./sabr.ts";
import { smoothAdv } from "./smooth-adv.ts";
import { standard } from "./standard.ts";
import { trades } from "./trades.ts";

/** Methods of training, by name. */
export const methods = {
  standard,
  "fgsm-rs": fgsmRs,
  "n-fgsm": nFgsm,
  "grad-align": gradAlign,
  pgd,
  trades,
  mart,
  awp,
  ibp,
  "crown-ibp": crownIbp,
  sabr,
  gaussian,
  "smooth-adv": smoothAdv,
  consistency,
} as const;
export type MethodName = keyof typeof methods;
