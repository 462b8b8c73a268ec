import type { Batch, BatchOptions, Dataset } from "../../dataset.ts";
import { openClassifier } from "../../models/classifier/graph-model.ts";
import { evadingFile } from "../../models/detectors/graphs.ts";
import { type DetectionTask, fooling, type Scored, scoredExamples, type Watched } from "./examples.ts";

/** What is known before attacks know of the detector. */
interface Known {
  readonly threshold: number;
  /** What attacks made that do not, at each ε. */
  readonly unaware: readonly Scored[];
  /** Samples of the data set. */
  readonly size: number;
}

/**
 * What attacks make of the samples that have the detector in their loss. They aim below the threshold, and once more below the score of half of
 * the clean samples, so that they blend in at any threshold. Of each sample the example that fools with the lowest score is kept.
 * @param progress for so many passes
 */
export async function evadingExamples(
  watched: Watched,
  task: DetectionTask,
  { threshold, unaware, size }: Known,
  progress: (passes: number) => (samples: number) => void,
): Promise<readonly Scored[]> {
  const { model, score } = watched;
  const { scores, labels: known } = task.clean;
  const labels = new Int32Array(size);
  for (const [index, label] of known) labels[index] = label;
  const highest = [...scores, ...unaware.flatMap((point) => [...fooling(point)])].reduce((a, b) => Math.max(a, b), 0);
  const aims = [threshold, scores.toSorted()[scores.length >> 1]!];
  const onBatch = progress(aims.length);
  let best = unaware;
  for (const aim of aims) {
    const evading = openClassifier(
      evadingFile(model.file, score, { aim, scale: highest > 0 ? highest : 1, labels }),
      model.runtime,
    );
    try {
      const { points } = await scoredExamples(watched, evading, { ...task, data: ofClassZero(task.data) }, onBatch);
      best = best.map((point, k) => better(point, points[k]!));
    } finally {
      await evading.release();
    }
  }
  return best;
}

function better(a: Scored, b: Scored): Scored {
  const isB = (i: number): boolean => b.fooled[i] === 1 && (a.fooled[i] === 0 || b.scores[i]! < a.scores[i]!);
  return {
    scores: a.scores.map((score, i) => (isB(i) ? b.scores[i]! : score)),
    fooled: a.fooled.map((fooled, i) => fooled | b.fooled[i]!),
  };
}

/** The same samples, all of class 0: for a model that is asked whether something was reached. */
function ofClassZero(data: Dataset): Dataset {
  const { labels: _, classNames: __, labelSets: ___, ...same } = data;
  return {
    ...same,
    classes: 1,
    async *batches(options: BatchOptions): AsyncGenerator<Batch> {
      for await (const batch of data.batches(options)) yield { ...batch, labels: batch.labels.map(() => 0) };
    },
  };
}
