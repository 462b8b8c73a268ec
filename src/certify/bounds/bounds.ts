import type { Graph } from "../../onnx/graph.ts";
import type { Runtime } from "../../runtime.ts";
import type { FloatTensor } from "../../tensor.ts";
import { boundsOf, type Ends, givenOf, type Rows } from "./batches.ts";
import type { Box } from "./box.ts";
import { type Breakdowns, breakDown } from "./breakdown.ts";
import type { Arithmetic } from "./enclose.ts";
import { type Method, settle } from "./ends.ts";
import { boundPrograms } from "./programs.ts";
import { reduced } from "./reduced.ts";
import { Settled } from "./settled.ts";
import { tightened } from "./tighten.ts";
import { openTuning, type Tuning } from "./tune.ts";

/** Bounds of a classifier's logits over boxes around samples. */
export interface BoundsOf {
  /**
   * For each row, a number that Σ seed·logits is not below, whatever x of its box the network is given. Rows of one sample stand together.
   * @throws runtime
   */
  lower(box: Box, rows: Rows, method?: Method): Promise<Float64Array>;
  /** The same bounds, and the line that each is the least value of: how much it changes with each element of the input, [rows, ...]. */
  lines(
    box: Box,
    rows: Rows,
    method?: Method,
  ): Promise<{ readonly bounds: Float64Array; readonly slopes: FloatTensor }>;
  /** What the bounds of CROWN lose, and where. @param seed coefficients of the logits, one row for each sample */
  losses(box: Box, seed: FloatTensor): Promise<Breakdowns>;
  /**
   * The bounds of one box, of which the choices can be improved. `isTight`: with ends of inner values that were improved the same way, and quicker from
   * then on, but slower to open. A ball in it is not looked at.
   */
  tuning(box: Box, isTight?: boolean): Promise<Tuning>;
  release(): Promise<void>;
}

/** Opens a classifier, `x` [N, ...] to `logits` [N, classes], for bounds. @throws unsupported where an operator has none */
export async function openBounds(
  classifier: Graph,
  runtime: Runtime,
  arithmetic: Arithmetic = "float32",
): Promise<BoundsOf> {
  const programs = await boundPrograms(classifier, runtime, arithmetic);
  const classes = Number(classifier.outputs[0]!.dims!.at(-1));
  const settled = new Settled();
  const lines = async (box: Box, rows: Rows, method: Method = "crown") => {
    const program = await programs.boundOf(programs.output, method === "ibp", box.ball !== undefined);
    const ends = await settle(programs, box, method);
    if (method === "crown") settled.keep(box, ends);
    const given = givenOf(programs.frontiers, box, ends);
    return boundsOf(program, given, rows, box.centre.dims.slice(1));
  };
  const endsOf = async (box: Box): Promise<Ends> => {
    const known = settled.of(box);
    if (known) return known;
    const ends = await settle(programs, box, "crown");
    settled.keep(box, ends);
    return ends;
  };
  return {
    lines,
    losses: async (box, seed) => breakDown(programs, box, await endsOf(box), seed),
    async tuning({ centre, lower, upper }, isTight = false) {
      const box = { centre, lower, upper };
      const known = await endsOf(box);
      if (!isTight) return openTuning(programs, box, known);
      const small = await reduced(programs, box, known, { outputs: classes, runtime });
      const ends = await tightened(programs, box, known, small);
      const full = openTuning(programs, box, ends);
      if (!small) return full;
      // What is chosen in the reduced network is proven of the network itself.
      const quick = openTuning(small.programs, small.box, small.endsOf(ends));
      return {
        ...full,
        improve: (...asked) => quick.improve(...asked),
        guess: (asked) => quick.guess(asked),
        release: small.programs.release,
      };
    },
    lower: async (box, rows, method) => (await lines(box, rows, method)).bounds,
    release: programs.release,
  };
}
