import type { Batch } from "../../dataset.ts";
import type { Model } from "../../model.ts";
import { isPlainGraph } from "../../models/classifier/graph-model.ts";
import { sampleSize } from "../../tensor.ts";
import type { Tally } from "../results/tally.ts";

/** Seconds from where a piece is sent until it is done: what is done is saved after each. */
const AIM = 3;
/** A piece has at most so many times the samples of one that was done. */
const GROWTH = 8;
/** Twice as many samples at a time are worth it where the model then gives 2^0.4, 1.32 times as many answers a second. */
const WORTH = 0.4;

/** How many samples go at a time, so that little is lost when the process ends. */
export interface Pace {
  /** A batch in pieces: each is cut when it is asked for. */
  pieces(batch: Batch): Generator<Batch>;
  /** A piece was done in so many seconds. */
  took(piece: Pick<Tally, "total" | "forwards" | "gradients">, seconds: number): void;
}

/**
 * The pace of a run that is saved: few samples first, then more as long as they are quick, or as more at a time are faster.
 * Undefined where time does not follow the number of samples, on graphics cards and behind addresses: batches stay as they are.
 */
export function paceFor(model: Model): Pace | undefined {
  if (model.runtime?.device !== "cpu") return undefined;
  // Of fewer than a graph takes, the rest is filled up. A matrix of one row is multiplied by other code, which rounds otherwise.
  const unit = isPlainGraph(model) ? (model.file.batch ?? 1) : 1;
  const least = Math.max(2, unit);
  let size = least;
  /** Samples of a whole batch. */
  let most = least;
  /** The fewest samples at a time that do not slow the model down, as far as larger pieces have told. */
  let worthwhile = least;
  let largest: { readonly samples: number; readonly rate: number } | undefined;
  return {
    *pieces(batch) {
      const n = batch.labels.length;
      most = Math.max(most, n);
      for (let start = 0, end: number; start < n; start = end) {
        end = n - start - size < least ? n : start + size;
        yield end - start === n ? batch : rows(batch, start, end);
      }
    },
    took({ total, forwards, gradients }, seconds) {
      // Sent before the size changed, or the end of a batch.
      if (total < size) return;
      const rate = (forwards + gradients) / seconds;
      const isLarger = !largest || total > largest.samples;
      if (isLarger && (!largest || gain(largest.rate, rate) > WORTH * gain(largest.samples, total))) worthwhile = total;
      const next = isLarger && worthwhile === total ? 2 * total : worthwhile;
      if (isLarger) largest = { samples: total, rate };
      const quick = Math.min((total * AIM) / seconds, GROWTH * total);
      size = Math.min(most, Math.floor(Math.max(quick, next) / unit) * unit);
    },
  };
}

const gain = (before: number, now: number): number => Math.log(now / before);

/** Copied: another thread would be sent all that a view is of. */
function rows({ indices, x, labels }: Batch, start: number, end: number): Batch {
  const size = sampleSize(x);
  return {
    indices: indices.slice(start, end),
    x: { type: "float32", dims: [end - start, ...x.dims.slice(1)], data: x.data.slice(start * size, end * size) },
    labels: labels.slice(start, end),
  };
}
