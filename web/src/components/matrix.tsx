import { formatCount } from "../../../src/report/format.ts";
import "./matrix.css";
import "./table.css";

/** Classes that a matrix shows at most: with more it is no reading. */
const MOST = 20;

/** How many samples of each label (rows) got each prediction (columns), tinted by the share of the row. */
export function Matrix({ confusion, classNames, caption }: MatrixProps) {
  const classes = shownClasses(confusion);
  const name = (index: number) => classNames[index] ?? String(index);
  const rest =
    classes.length < confusion.length
      ? `, the ${MOST} classes of ${formatCount(confusion.length)} that are misclassified most`
      : "";
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard.
    <section class="table-scroll" tabIndex={0} aria-label={`Label and prediction: ${caption}`}>
      <table class="matrix">
        <caption>
          <span>
            {caption}: labels in rows, predictions in columns{rest}
          </span>
        </caption>
        <thead>
          <tr>
            <th scope="col">label</th>
            {classes.map((prediction) => (
              <th key={prediction} scope="col">
                {name(prediction)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {classes.map((label) => (
            <tr key={label}>
              <th scope="row">{name(label)}</th>
              {classes.map((prediction) => (
                <Cell
                  key={prediction}
                  count={confusion[label]![prediction]!}
                  total={sum(confusion[label]!)}
                  isCorrect={label === prediction}
                />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface MatrixProps {
  /** [label][prediction] counts. */
  readonly confusion: readonly (readonly number[])[];
  readonly classNames: readonly string[];
  readonly caption: string;
}

const Cell = ({ count, total, isCorrect }: { count: number; total: number; isCorrect: boolean }) =>
  count === 0 ? (
    <td class="none">0</td>
  ) : (
    <td class={isCorrect ? "correct" : "misclassified"} style={{ "--share": count / total }}>
      {formatCount(count)}
    </td>
  );

/** All classes, or those that are taken for others, or others for them, the most often. */
function shownClasses(confusion: MatrixProps["confusion"]): number[] {
  const all = [...confusion.keys()];
  if (all.length <= MOST) return all;
  const mistakes = all.map((c) => sum(confusion[c]!) + sum(confusion.map((row) => row[c]!)) - 2 * confusion[c]![c]!);
  return all
    .sort((a, b) => mistakes[b]! - mistakes[a]!)
    .slice(0, MOST)
    .sort((a, b) => a - b);
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
