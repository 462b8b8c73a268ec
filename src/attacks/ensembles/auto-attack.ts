import type { Configured } from "../../attack.ts";
import type { DifferentiableModel } from "../../model.ts";
import type { NormName } from "../../norm.ts";
import { type ApgdOptions, type ApgdTargetedOptions, apgdCe, apgdDlr, apgdT } from "../gradient/apgd.ts";
import { type FabOptions, type FabTargetedOptions, fab, fabT } from "../least-change/fab.ts";
import { type SquareOptions, square } from "../scores/square.ts";
import { defineEnsemble, type MemberOptions } from "../steps/ensemble.ts";

const PAPER = "https://arxiv.org/abs/2003.01690";
const NORMS: readonly NormName[] = ["linf", "l2", "l1"];

type Member = Configured<DifferentiableModel>;

const ce = (restarts: number, eot?: number): Member => ({
  attack: apgdCe,
  options: { ...apgdCe.defaults, restarts },
  ...(eot && { eot }),
});
const dlr = (restarts: number, eot?: number): Member => ({
  attack: apgdDlr,
  options: { ...apgdDlr.defaults, restarts },
  ...(eot && { eot }),
});
const targeted = (targets: number): Member => ({ attack: apgdT, options: { ...apgdT.defaults, targets } });
/** FAB as part of an ensemble has only to find a point inside the ball. */
const fabs = (restarts: number): Member => ({ attack: fab, options: { ...fab.defaults, restarts, stopInside: true } });
const fabTargeted: Member = { attack: fabT, options: { ...fabT.defaults, targets: 9, stopInside: true } };
const squares: Member = { attack: square, options: { ...square.defaults, queries: 5000, rescale: false } };

export type AutoAttackOptions = MemberOptions<"apgd-ce", ApgdOptions> &
  MemberOptions<"apgd-t", ApgdTargetedOptions> &
  MemberOptions<"fab-t", FabTargetedOptions> &
  MemberOptions<"square", SquareOptions>;
export type AutoAttackPlusOptions = AutoAttackOptions &
  MemberOptions<"apgd-dlr", ApgdOptions> &
  MemberOptions<"fab", FabOptions>;
export type AutoAttackRandOptions = MemberOptions<"apgd-ce", ApgdOptions> & MemberOptions<"apgd-dlr", ApgdOptions>;

/**
 * AutoAttack, standard (Croce and Hein 2020, §6; for L1 Croce and Hein 2021, https://arxiv.org/abs/2103.01208, §5): APGD on
 * the cross-entropy, targeted APGD, targeted FAB, Square, in this order, each on the samples that the others did not fool. Parameters
 * are those of the authors' code (github.com/fra31/auto-attack; docs/strength.md lists them): 100 steps, one run (L1: five of the
 * cross-entropy), nine target classes (L1: five for APGD), 5,000 queries on Square's schedule for 10,000. Differences are those
 * of its members, and that those are left out which a model has too few classes for: APGD on the ratios of logits below
 * three, or four.
 */
export const autoAttack = defineEnsemble<AutoAttackOptions>({
  name: "autoattack",
  title: "AutoAttack, standard",
  paper: PAPER,
  norms: NORMS,
  members: (norm) =>
    norm === "l1" ? [ce(5), targeted(5), fabTargeted, squares] : [ce(1), targeted(9), fabTargeted, squares],
});

/** AutoAttack, plus: five runs, and the untargeted DLR and FAB as well. */
export const autoAttackPlus = defineEnsemble<AutoAttackPlusOptions>({
  name: "autoattack-plus",
  title: "AutoAttack, plus",
  paper: PAPER,
  norms: NORMS,
  members: () => [ce(5), dlr(5), fabs(5), squares, targeted(9), fabTargeted],
});

/** AutoAttack for randomised models: the gradients of APGD are means over 20 draws. */
export const autoAttackRand = defineEnsemble<AutoAttackRandOptions>({
  name: "autoattack-rand",
  title: "AutoAttack for randomised models",
  paper: PAPER,
  norms: NORMS,
  members: () => [ce(1, 20), dlr(1, 20)],
});
