import { formatCount, NORM_SYMBOL } from "../../../src/report/format.ts";
import type { AttackOutcome } from "../engine.ts";
import "./distances.css";

/** How far the adversarial point lies from the original, and what it took to find it. */
export function Distances({ outcome, size }: { readonly outcome: AttackOutcome; readonly size: number }) {
  const { distances, forwards, gradients, seconds } = outcome;
  return (
    <table class="distances">
      <caption>Distance and cost</caption>
      <tbody>
        {(["linf", "l2", "l1"] as const).map((norm) => (
          <tr key={norm}>
            <th scope="row">{NORM_SYMBOL[norm]}</th>
            <td>{String(Number(distances[norm].toPrecision(4)))}</td>
          </tr>
        ))}
        <tr>
          <th scope="row">{NORM_SYMBOL.l0}</th>
          <td>
            {formatCount(distances.l0)} of {formatCount(size)} values
          </td>
        </tr>
        <tr>
          <th scope="row">Forward passes</th>
          <td>{formatCount(forwards)}</td>
        </tr>
        <tr>
          <th scope="row">Backward passes</th>
          <td>{formatCount(gradients)}</td>
        </tr>
        <tr>
          <th scope="row">Time</th>
          <td>{seconds < 0.9995 ? `${(1000 * seconds).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`}</td>
        </tr>
      </tbody>
    </table>
  );
}
