import type { Dataset } from "../dataset.ts";
import type { Tally } from "./results/tally.ts";
import type { Ground } from "./state/facts.ts";

/** Where the work of an evaluation is kept, so that one that was ended can go on: a folder (`folderState` in perturb/node). */
export interface EvaluationState {
  /**
   * Takes the place for this evaluation, and finds what of it is done already. @throws usage where another process works;
   * mismatch where what is kept is another evaluation; invalid-file, unsupported
   */
  open(ground: Ground): Promise<OpenState>;
}

/** The tallies of one evaluation, in order, as they are kept. */
export interface OpenState {
  /** The data, watched: its first samples tell the evaluation apart from others. */
  readonly data: Dataset;
  /** When the evaluation began. */
  readonly began: Date;
  /** Seconds of work behind the tallies that were given as done. */
  readonly seconds: number;
  /** Whether there is something to go on with. */
  readonly saved: boolean;
  /** Samples that were done when the evaluation was taken up again. */
  readonly resumed: number;
  /** The tallies that are kept. */
  done(): AsyncIterable<Tally>;
  /** Keeps the tally of the next batch. */
  keep(tally: Tally): Promise<void>;
  /** Ends writing: all that is kept is safe. The place stays this process's own. */
  close(): Promise<void>;
  /** Gives the place back, once closed; a state in which nothing was saved is removed. */
  release(): void;
}
