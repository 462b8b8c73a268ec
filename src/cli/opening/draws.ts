import type { ClassifierFile } from "../../models/classifier/classifier.ts";

export interface DrawsGiven {
  readonly batch?: number | undefined;
  readonly memory?: number | undefined;
}

/** In how many threads, of at most so many, draws are made, and how many at a time in each. */
export interface DrawsAtOnce {
  readonly threads: number;
  readonly batch: number;
}

/** What fits into the memory. */
export async function drawsWithin(
  file: ClassifierFile,
  { batch, memory }: DrawsGiven,
  most: number,
): Promise<DrawsAtOnce> {
  const [{ MEMORY, samplesWithin, threadsWithin }, { footprintOf }] = await Promise.all([
    import("../../evaluate/course/memory.ts"),
    import("../../models/classifier/footprint.ts"),
  ]);
  const [room, of] = [memory ?? MEMORY, footprintOf(file, false)];
  const threads = threadsWithin(room, most, of);
  return { threads, batch: batch ?? samplesWithin(room, threads, of, 0) };
}
