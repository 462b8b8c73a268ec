import type { FloatTensor } from "../../tensor.ts";

/** Bins of the expected calibration error, as in Guo et al. 2017. */
const BINS = 15;

/** The samples whose confidence lies above `from` and at most at `to`. */
export interface ReliabilityBin {
  readonly from: number;
  readonly to: number;
  readonly samples: number;
  /** Means over them; 0 of none. */
  readonly confidence: number;
  readonly accuracy: number;
}

/** How well probabilities fit what happens. Confidence is the probability of the class that is predicted. */
export interface CalibrationFigures {
  readonly samples: number;
  readonly accuracy: number;
  /** Mean confidence. */
  readonly confidence: number;
  /** Expected calibration error: |accuracy - confidence| over 15 bins of equal width, weighted by their samples (Guo et al. 2017, eq. 3). */
  readonly ece: number;
  /** The same over 15 bins of as many samples each, give or take one (Nguyen and O'Connor 2015, https://arxiv.org/abs/1508.05154, §3). */
  readonly adaptiveEce: number;
  /** Σ_j (p_j - [j is the label])², mean over the samples: from 0 to 2 (Brier 1950). */
  readonly brier: number;
  /** Mean of -log p of the label, in nats. */
  readonly nll: number;
  /** The bins of `ece`: what a reliability diagram shows. */
  readonly bins: readonly ReliabilityBin[];
}

/**
 * Figures of softmax(logits / temperature), in float64.
 * @param logits [n, classes], finite, of at least one sample
 * @param labels [n], from 0
 */
export function calibrationFigures(
  { data, dims }: FloatTensor,
  labels: Int32Array,
  temperature: number,
): CalibrationFigures {
  const [samples, classes] = dims as [number, number];
  const sure = new Float64Array(samples);
  const correct = new Uint8Array(samples);
  let [brier, nll] = [0, 0];
  for (let i = 0; i < samples; i++) {
    const z = data.subarray(i * classes, (i + 1) * classes);
    const best = z.reduce((at, value, j) => (value > z[at]! ? j : at), 0);
    const behind = Array.from(z, (value) => (value - z[best]!) / temperature);
    const sum = behind.reduce((total, value) => total + Math.exp(value), 0);
    const label = labels[i]!;
    sure[i] = 1 / sum;
    correct[i] = Number(best === label);
    nll += Math.log(sum) - behind[label]!;
    brier += behind.reduce((total, value, j) => total + (Math.exp(value) / sum - Number(j === label)) ** 2, 0);
  }
  const order = Int32Array.from(sure, (_, i) => i);
  const bins = equalWidth(sure, order).map((rows, k) => ({
    from: k / BINS,
    to: (k + 1) / BINS,
    ...means(rows, sure, correct),
  }));
  const whole = means(order, sure, correct);
  return {
    ...whole,
    ece: gap(bins, samples),
    adaptiveEce: gap(
      equalCount(sure, order).map((rows) => means(rows, sure, correct)),
      samples,
    ),
    brier: brier / samples,
    nll: nll / samples,
    bins,
  };
}

/** Rows by bin: (k/15, (k + 1)/15]. */
function equalWidth(sure: Float64Array, rows: Int32Array): Int32Array[] {
  const binOf = (value: number): number => Math.max(0, Math.ceil(value * BINS) - 1);
  return Array.from({ length: BINS }, (_, k) => rows.filter((i) => binOf(sure[i]!) === k));
}

/** Rows by rising confidence, equal ones in their order, cut into 15 parts of which the first are the larger by one. */
function equalCount(sure: Float64Array, rows: Int32Array): Int32Array[] {
  const rising = rows.toSorted((a, b) => sure[a]! - sure[b]! || a - b);
  const [size, larger] = [Math.floor(rows.length / BINS), rows.length % BINS];
  const start = (k: number): number => k * size + Math.min(k, larger);
  return Array.from({ length: BINS }, (_, k) => rising.subarray(start(k), start(k + 1)));
}

function means(rows: Int32Array, sure: Float64Array, correct: Uint8Array) {
  let [confidence, right] = [0, 0];
  for (const i of rows) {
    confidence += sure[i]!;
    right += correct[i]!;
  }
  const samples = rows.length;
  const count = Math.max(1, samples);
  return { samples, confidence: confidence / count, accuracy: right / count };
}

const gap = (bins: readonly Omit<ReliabilityBin, "from" | "to">[], total: number): number =>
  bins.reduce((sum, { samples, confidence, accuracy }) => sum + (samples / total) * Math.abs(accuracy - confidence), 0);
