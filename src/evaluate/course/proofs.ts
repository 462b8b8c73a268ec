import { lossesOfOpen, lostOf, type OpenLosses } from "../../certify/proving/open-samples.ts";
import type { Prover } from "../../certify/proving/prover.ts";
import { type Lost, sharesInWords } from "../../certify/proving/shares.ts";
import { nothingProven, proveBudgets, proveLargest, type Standing } from "../../certify/proving/standing.ts";
import type { FloatTensor } from "../../tensor.ts";
import { marginOf } from "../results/records.ts";
import { exact } from "../results/statistics.ts";
import type { CertifiedTally } from "../results/tally.ts";
import type { Subjects } from "./cascade.ts";

/** How many causes of a loss are named for each sample. */
const NAMED = 2;

/** How samples are certified. */
export interface CertifyPlan {
  /** Significant digits of the largest certified ε of each sample; null where it is not looked for. */
  readonly digits: number | null;
  /** Into how many parts a box may be split. */
  readonly splits: number;
}

interface Task {
  readonly prover: Prover;
  readonly plan: CertifyPlan;
  readonly epsilons: readonly number[];
  /** The samples that are correct, and their places in the batch. */
  readonly subjects: Subjects;
  readonly rows: readonly number[];
  /** Of the whole batch. */
  readonly logits: FloatTensor;
  readonly signal?: AbortSignal | undefined;
}

/** What is shown of the samples of one batch: first by what costs less than attacks, then by all else. */
export interface BatchProofs {
  /** Numbers of the samples that are proven at every ε: attacks need not try them. */
  readonly settled: ReadonlySet<number>;
  /** Tries what is open at the ε below those at which samples were fooled. What is found of another class is not judged yet. */
  finish(fooledAt: Int32Array): Promise<void>;
  /** Looks for the largest certified ε, where the plan says so. */
  search(fooledAt: Int32Array): Promise<void>;
  readonly standing: Standing;
  tally(fooledAt: Int32Array): CertifiedTally;
  /** Of each sample, its share. */
  readonly seconds: number;
}

export async function startProofs({
  prover,
  plan,
  epsilons,
  subjects,
  rows,
  logits,
  signal,
}: Task): Promise<BatchProofs> {
  const { x, labels } = subjects;
  const n = labels.length;
  const margins = Float64Array.from(rows, (row, i) => marginOf(logits, row, labels[i]!));
  const claims = { x, labels, margins, epsilons, signal };
  const standing = nothingProven(n, prover.methods);
  const [cheap, dear] = [true, false].map((isCheap) => prover.methods.filter((m) => m.isCheap === isCheap));
  await proveBudgets(standing, cheap!, claims, new Int32Array(n).fill(epsilons.length));
  let open: OpenLosses = { rows: [], layers: [], samples: [] };
  const settled = new Set([...standing.proven.keys()].filter((i) => standing.proven[i] === epsilons.length));
  return {
    settled,
    standing,
    async finish(fooledAt) {
      await proveBudgets(standing, dear!, claims, fooledAt);
      open = await lossesOfOpen(standing, prover, claims, fooledAt);
      for (const [n, i] of open.rows.entries())
        standing.reasons[i] += `; CROWN's bound loses ${sharesInWords(lostOf(open.layers, open.samples[n]!), NAMED)}`;
    },
    async search(fooledAt) {
      // Between a proof and the ε at which a sample is fooled, nothing is open.
      for (const [i, k] of fooledAt.entries()) if (standing.proven[i]! >= k) standing.reasons[i] = null;
      if (plan.digits === null) return;
      const least = Float64Array.from(fooledAt, (k) => epsilons[k] ?? Number.POSITIVE_INFINITY);
      const methods = prover.methods.filter(({ isSearched }) => isSearched);
      const { widest, isWhole } = prover;
      await proveLargest(standing, methods, claims, { widest, isWhole, digits: plan.digits, fooledAt: least });
    },
    get seconds() {
      return n === 0 ? 0 : standing.methods.reduce((sum, { seconds }) => sum + seconds, 0) / n;
    },
    tally: (fooledAt) => ({
      // One that was fooled where it is proven counts as fooled; the result warns of it.
      proven: epsilons.map((_, k) => standing.proven.filter((count, i) => k < count && k < fooledAt[i]!).length),
      radius: standing.largest.reduce((sum, epsilon) => sum + exact(epsilon), 0),
      methods: standing.methods.map((method) => ({ ...method })),
      ...lossTally(open, (i) => standing.reasons[i] !== null),
    }),
  };
}

/** Sums over the samples that are still open; nothing where none is. */
function lossTally(
  { rows, layers, samples }: OpenLosses,
  isOpen: (i: number) => boolean,
): Pick<CertifiedTally, "losses"> {
  const kept = samples.filter((_, n) => isOpen(rows[n]!));
  if (kept.length === 0) return {};
  const all = kept.map((one) => lostOf(layers, one));
  const sum = (of: (lost: Lost) => number): number => all.reduce((total, lost) => total + exact(of(lost)), 0);
  return {
    losses: {
      samples: all.length,
      margin: sum(({ margin }) => margin),
      linear: sum(({ linear }) => linear),
      rounding: sum(({ rounding }) => rounding),
      bound: sum(({ bound }) => bound),
      layers: layers.map(({ op, node }, k) => ({ op, node, loss: sum((lost) => lost.layers[k]!.loss) })),
    },
  };
}
