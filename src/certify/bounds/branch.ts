import { checkSignal } from "../../errors.ts";
import type { Asked, Domain, Tuned, Tuning } from "./tune.ts";

export interface BranchOptions {
  readonly late: () => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Looks at inputs where bounds of rows are least: gives a counterexample that is among them. */
  readonly tryInputs: (inputs: readonly Float32Array[]) => Promise<Float32Array | undefined>;
  /** Hears of each domain that is proven. */
  readonly onProven?: ((domain: Asked) => void) | undefined;
  /** How many domains may be bounded, by default any number. */
  readonly most?: number | undefined;
}

/** Where nothing is left but proven domains; a counterexample; or what is still open, with how far its least bound is below the limit. */
export type Branched =
  | { readonly kind: "proven"; readonly domains: number }
  | { readonly kind: "witness"; readonly input: Float32Array; readonly domains: number }
  | { readonly kind: "late"; readonly domains: number }
  | ({ readonly kind: "open"; readonly domains: number; readonly isHopeless: boolean } & Shortfall);

/** The row whose least bound, of its parts that are not proven, is furthest below its limit, and by how much. */
export interface Shortfall {
  readonly row: number;
  readonly short: number;
}

/** Steps up the bound of the whole box, and of each domain. */
const STEPS = { root: 40, domain: 40, leaf: 200 };
/** Domains that are split in one run. */
const BATCH = 32;
/** Domains that are bounded before better ends are looked for. */
const FEW = 32;
/** Neurons of a domain that are tried, of which the best is split. */
const CANDIDATES = 3;

/** A domain whose bound is not above its limit. */
interface Open {
  readonly asked: Asked;
  readonly tuned: Tuned;
  /** Whether nothing more can be done about it. */
  readonly isHopeless: boolean;
}

/** Whether there is no neuron to split. */
const isLeaf = ({ tuned }: Open): boolean => !tuned.scores.some((score) => score > 0);

/**
 * Branch and bound on the signs of neurons (Bunel et al. 2020, https://arxiv.org/abs/1909.06588; bounds of domains by Wang et al. 2021,
 * https://arxiv.org/abs/2103.06624): where the bound of a row is not above its limit, a neuron is taken to be negative, and then positive. Of the neurons
 * whose lines lose most, that is split whose worse half is best (De Palma et al. 2021, https://arxiv.org/abs/2104.06718, §4).
 * @param rows what is to be shown of the whole box, each by itself
 */
export async function branch(
  tuning: Tuning,
  rows: readonly { readonly row: Float32Array; readonly limit: number }[],
  options: BranchOptions,
): Promise<Branched> {
  let domains = 0;
  let steps = STEPS.root;
  let isLast = false;
  // What allowing for roundings took from the last bound of each row: a choice has to reach that much more.
  const roundings = new Map<Float32Array, number>();
  let asked: Asked[] = rows.map((row) => ({ ...row, domain: tuning.root }));
  const stack: Open[] = [];
  while (asked.length > 0) {
    checkSignal(options.signal);
    const wanted = asked.map((one) => ({ ...one, limit: one.limit + (roundings.get(one.row) ?? 0) }));
    const tuned = await tuning.improve(wanted, steps, options.late);
    const settled = asked.map((one, i): Asked => ({ ...one, domain: tuned[i]!.domain }));
    domains += asked.length;
    const input = await options.tryInputs(tuned.map(({ lowest }) => lowest));
    if (input) return { kind: "witness", input, domains };
    // What is not above its limit as float32 comes to it, is not with roundings.
    const likely = [...settled.keys()].filter((i) => tuned[i]!.bound > settled[i]!.limit);
    const bounds = likely.length > 0 ? await tuning.prove(likely.map((i) => settled[i]!)) : [];
    const proven = new Set<number>();
    for (const [n, i] of likely.entries()) {
      const cost = tuned[i]!.bound - bounds[n]!;
      if (cost > 0 && cost < Number.POSITIVE_INFINITY) roundings.set(settled[i]!.row, cost);
      if (isAbove(bounds[n]!, settled[i]!.limit)) proven.add(i);
    }
    for (const [i, one] of settled.entries())
      if (proven.has(i)) options.onProven?.(one);
      else stack.push({ asked: one, tuned: tuned[i]!, isHopeless: isLast });
    if (stack.length === 0) break;
    if (options.late()) return { kind: "late", domains };
    if (domains >= (options.most ?? Number.POSITIVE_INFINITY))
      return { kind: "open", domains, isHopeless: false, ...shortest(stack, rows) };
    const left = Math.ceil(((options.most ?? Number.POSITIVE_INFINITY) - domains) / 2);
    const taken = stack.splice(-Math.min(BATCH, left));
    const leaves = taken.filter(isLeaf);
    if (leaves.some(({ isHopeless }) => isHopeless))
      return { kind: "open", domains, isHopeless: true, ...shortest(taken, rows) };
    const others = taken.filter((open) => !isLeaf(open));
    // Of a leaf, all that is left to improve are the pushes.
    isLast = leaves.length > 0;
    steps = isLast ? STEPS.leaf : STEPS.domain;
    if (isLast) stack.push(...others);
    asked = isLast ? leaves.map((leaf) => leaf.asked) : await halved(tuning, others);
  }
  return { kind: "proven", domains };
}

/** Branch and bound, and where a few domains are not enough, once more with ends that are better and take longer. Both are released. */
export async function branchTwice(
  tuning: Tuning,
  tight: () => Promise<Tuning>,
  rows: readonly { readonly row: Float32Array; readonly limit: number }[],
  options: BranchOptions,
): Promise<Branched> {
  const { most = Number.POSITIVE_INFINITY } = options;
  const released = async (from: Tuning, few: number): Promise<Branched> => {
    try {
      return await branch(from, rows, { ...options, most: few });
    } finally {
      await from.release();
    }
  };
  const first = await released(tuning, Math.min(most, FEW));
  if (first.kind !== "open" || first.domains >= most) return first;
  const second = await released(await tight(), most - first.domains);
  return { ...second, domains: first.domains + second.domains };
}

function shortest(open: readonly Open[], rows: readonly { readonly row: Float32Array }[]): Shortfall {
  let worst: Shortfall = { row: 0, short: Number.NEGATIVE_INFINITY };
  for (const { asked, tuned } of open) {
    const short = asked.limit - tuned.bound;
    if (short > worst.short) worst = { row: rows.findIndex(({ row }) => row === asked.row), short };
  }
  return worst;
}

/** Of float64, a difference that is above 0 by less than this may be 0. NaN is above nothing. */
const isAbove = (bound: number, limit: number): boolean => bound - limit > 1e-12 * Math.max(1, Math.abs(limit));

/** Both halves of each domain. */
async function halved(tuning: Tuning, open: readonly Open[]): Promise<Asked[]> {
  const tried = open.map(({ tuned }) => best(tuned.scores, CANDIDATES));
  const halves = open.map(({ asked }, i) =>
    tried[i]!.map((neuron) => [-1, 1].map((sign): Asked => ({ ...asked, domain: assume(asked.domain, neuron, sign) }))),
  );
  const guesses = await tuning.guess(halves.flat(2));
  let at = 0;
  return halves.flatMap((pairs) => {
    const worse = pairs.map((_, k) => Math.min(guesses[at + 2 * k]!, guesses[at + 2 * k + 1]!));
    at += 2 * pairs.length;
    return pairs[worse.reduce((chosen, value, k) => (value > worse[chosen]! ? k : chosen), 0)]!;
  });
}

const assume = ({ signs, shares, pushes }: Domain, neuron: number, sign: number): Domain => ({
  signs: signs.with(neuron, sign),
  shares,
  pushes,
});

/** The places of the largest numbers above 0. */
function best(scores: Float32Array, count: number): number[] {
  const places: number[] = [];
  for (const [i, score] of scores.entries()) {
    if (!(score > 0)) continue;
    const at = places.findIndex((place) => score > scores[place]!);
    if (at >= 0) places.splice(at, 0, i);
    else if (places.length < count) places.push(i);
    if (places.length > count) places.pop();
  }
  return places;
}
