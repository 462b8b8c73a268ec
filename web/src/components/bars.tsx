import { formatPercent } from "../../../src/report/format.ts";
import "./bars.css";

/** Most classes that are shown. */
const MOST = 10;

/** The probability of each class before and after, of many classes the most probable and the label. */
export function Bars({ names, before, after, label, prediction }: BarsProps) {
  const roleOf = (c: number): string => (c === label ? "label" : c === prediction ? "prediction" : "");
  return (
    <table class="bars">
      <caption>Class probabilities</caption>
      <thead>
        <tr>
          <th scope="col">Class</th>
          <td />
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        {shownClasses(before, after, label).map((c) => (
          <tr key={c} class={roleOf(c)}>
            <th scope="row">{names[c] ?? c}</th>
            <td class="bars-track" aria-hidden="true">
              <div class="bar-before" style={{ width: widthOf(before[c]) }} />
              <div class="bar-after" style={{ width: widthOf(after[c]) }} />
            </td>
            <td>{formatPercent(before[c] ?? Number.NaN)}</td>
            <td>{formatPercent(after[c] ?? Number.NaN)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface BarsProps {
  readonly names: readonly string[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly label: number;
  readonly prediction: number;
}

const widthOf = (share = 0): string => `${100 * (share || 0)}%`;

/** All in their order where they are few; otherwise the label and the most probable, which stay where they are while ε moves. */
function shownClasses(before: readonly number[], after: readonly number[], label: number): number[] {
  const classes = before.map((_, c) => c);
  if (classes.length <= MOST) return classes;
  const weight = (c: number): number => (c === label ? 2 : Math.max(before[c]!, after[c]!));
  return classes
    .sort((a, b) => weight(b) - weight(a))
    .slice(0, MOST)
    .sort((a, b) => before[b]! - before[a]! || a - b);
}
