import type { Accuracy, Evaluation, Point } from "../../../src/evaluate.ts";
import {
  beyondClean,
  formatCount,
  formatEpsilon,
  formatInterval,
  formatPercent,
  seriesOf,
} from "../../../src/report/format.ts";
import "./table.css";

/** The numbers of an evaluation, from the clean accuracy on. */
export function ResultsTable({ evaluation, caption }: ResultsTableProps) {
  const series = seriesOf(evaluation);
  const several = series.length > 1;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard.
    <section class="table-scroll" tabIndex={0} aria-label={`Accuracy: ${caption}`}>
      <table class="table">
        <caption>{caption}</caption>
        <thead>
          <tr>
            {several ? <th scope="col">attack</th> : null}
            <th scope="col">ε</th>
            <th scope="col">correct</th>
            <th scope="col">accuracy</th>
            <th scope="col">95% interval</th>
            <th scope="col">fooled of attacked</th>
          </tr>
        </thead>
        <tbody>
          <Row name={several ? "clean" : null} epsilon={0} result={evaluation.clean} point={null} />
          {series.map(({ name, points }) =>
            beyondClean(points).map((point) => (
              <Row
                key={`${name} ${point.epsilon}`}
                name={several ? name : null}
                epsilon={point.epsilon}
                result={point}
                point={point}
              />
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}

interface ResultsTableProps {
  readonly evaluation: Evaluation;
  readonly caption: string;
}

function Row({ name, epsilon, result, point }: RowProps) {
  const at = point ? formatEpsilon(epsilon) : "0 (clean)";
  return (
    <tr>
      {name === null ? (
        <th scope="row">{at}</th>
      ) : (
        <>
          <th scope="row">{name}</th>
          <td>{at}</td>
        </>
      )}
      <td>
        {formatCount(result.correct)} / {formatCount(result.total)}
      </td>
      <td>
        <b>{formatPercent(result.accuracy)}</b>
      </td>
      <td>{formatInterval(result.ci95)}</td>
      <td>{point ? `${formatCount(point.fooled)} / ${formatCount(point.attacked)}` : null}</td>
    </tr>
  );
}

interface RowProps {
  /** Of the series, where there are several. */
  readonly name: string | null;
  readonly epsilon: number;
  readonly result: Accuracy;
  readonly point: Point | null;
}
