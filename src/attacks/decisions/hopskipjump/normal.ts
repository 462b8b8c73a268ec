import type { Box } from "../../../norm.ts";
import type { Random } from "../../../random.ts";
import { clip, type Oracle } from "../../steps/decision.ts";

/** How the direction across a boundary is estimated. */
export interface Probing {
  /** Points that are asked. */
  readonly evaluations: number;
  /** Their distance from the point, in L2. */
  readonly reach: number;
  /** Whether their directions are drawn from a cube, for steps along signs, or are uniform on the sphere. */
  readonly signs: boolean;
  readonly bounds: Box;
}

/** Elements of the probes that are asked at once. */
const CHUNK = 2 ** 21;

/**
 * The direction, of length 1 in L2, in which decisions about sample `row` turn adversarial at `point`, into `direction`: the
 * mean of random directions, weighted by their answers of ±1 less the mean answer (Chen et al. 2020). All are asked
 * of this sample alone, so that the estimate hangs on no batch. Zeros where all probes were clipped away.
 */
export async function boundaryNormal(
  direction: Float32Array,
  { ask }: Oracle,
  row: number,
  point: Float32Array,
  { evaluations, reach, signs, bounds }: Probing,
  random: Random,
): Promise<void> {
  const size = point.length;
  const sum = new Float64Array(size);
  const signed = new Float64Array(size);
  const draw = new Float64Array(size);
  let adversarial = 0;
  const rows = Math.max(1, Math.min(evaluations, Math.floor(CHUNK / size)));
  const probes = new Float32Array(rows * size);
  for (let done = 0; done < evaluations; done += rows) {
    const count = Math.min(rows, evaluations - done);
    for (let k = 0; k < count; k++) {
      let squares = 0;
      for (let j = 0; j < size; j++) {
        const v = signs ? 2 * random.uniform() - 1 : random.normal();
        draw[j] = v;
        squares += v * v;
      }
      const scale = squares > 0 ? reach / Math.sqrt(squares) : 0;
      for (let j = 0; j < size; j++) probes[k * size + j] = point[j]! + scale * draw[j]!;
    }
    const asked = probes.subarray(0, count * size);
    clip(asked, bounds);
    const answers = await ask(asked, new Array<number>(count).fill(row));
    for (let k = 0; k < count; k++) {
      const sign = answers[k] ? 1 : -1;
      adversarial += answers[k]!;
      for (let j = 0; j < size; j++) {
        const u = asked[k * size + j]! - point[j]!;
        sum[j]! += u;
        signed[j]! += sign * u;
      }
    }
  }
  // Where all agree there is nothing to compare: they point away from, or to, the other side.
  const mean = (2 * adversarial) / evaluations - 1;
  const baseline = Math.abs(mean) === 1 ? 0 : mean;
  let squares = 0;
  for (let j = 0; j < size; j++) {
    signed[j]! -= baseline * sum[j]!;
    squares += signed[j]! ** 2;
  }
  const length = Math.sqrt(squares) || 1;
  for (let j = 0; j < size; j++) direction[j] = signed[j]! / length;
}
