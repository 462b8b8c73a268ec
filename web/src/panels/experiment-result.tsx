import { useState } from "preact/hooks";
import type { Evaluation } from "../../../src/evaluate.ts";
import { beyondClean, formatCount, formatEpsilon, seriesOf } from "../../../src/report/format.ts";
import { accuracyPlots } from "../../../src/report/plots/plots.ts";
import { CopyText } from "../components/copy-text.tsx";
import { ExampleGrid, type ExampleRow } from "../components/example-grid.tsx";
import { Field } from "../components/field.tsx";
import { Matrix } from "../components/matrix.tsx";
import { fitted, Plot } from "../components/plot.tsx";
import { ResultsTable } from "../components/results-table.tsx";
import type { ModelInfo, ModelResult } from "../engine.ts";
import { pageWords } from "../failure.ts";
import { evaluateCommand } from "../state/commands.ts";
import { counted, type Run } from "../state/experiment.ts";
import { ExperimentFiles } from "./experiment-files.tsx";

const HEIGHT = 340;
/** Beyond this a plot grows no better. */
const WIDEST = 720;

/** What a run has counted so far, and with pictures once it has ended. */
export function ExperimentResult({ run }: { readonly run: Run }) {
  const all = counted.value;
  const [first, ...others] = all.map(({ evaluation }) => evaluation);
  const results = all.flatMap(({ info, evaluation, result }) => (result ? [{ info, evaluation, result }] : []));
  const warnings = all.flatMap(({ info, evaluation }) =>
    evaluation.warnings.map(({ code, message }) => ({ code, message: pageWords(message), name: info.name })),
  );
  return first === undefined ? null : (
    <div class="experiment-result">
      <div class="experiment-counts">
        <Plot
          height={HEIGHT}
          label={`Accuracy against ε of ${all.map(({ info }) => info.name).join(" and ")}, with its 95% interval. The table holds its numbers.`}
          spec={(width) => fitted(accuracyPlots([first, ...others]), Math.min(width, WIDEST), HEIGHT)}
        />
        <div class="experiment-tables">
          {all.map(({ info, evaluation }) => (
            <ResultsTable key={info.id} evaluation={evaluation} caption={captionOf(info, evaluation)} />
          ))}
          <p class="small">
            Clean accuracy: the share of all samples that are correct. Robust accuracy at ε: the share that is correct
            and not fooled. Misclassified samples are not attacked. Intervals are Wilson’s.
          </p>
        </div>
      </div>
      {warnings.length > 0 ? (
        <div class="failure" role="note">
          <h3>About these numbers</h3>
          {warnings.map(({ code, message, name }) => (
            <p key={`${name} ${code}`}>{all.length > 1 ? `${name}: ${message}` : message}</p>
          ))}
        </div>
      ) : null}
      {results.length > 0 ? (
        <div>
          <h3>Files, and the same on the command line</h3>
          <ExperimentFiles results={results} all={[first, ...others]} />
          {run.models.map((info) => (
            <CopyText
              key={info.id}
              label={`Command line of this experiment: ${info.name}`}
              text={evaluateCommand(run.setting, info, run.data)}
              code
            />
          ))}
        </div>
      ) : null}
      <div class="experiment-looks">
        {results.map(({ info, result }) => (
          <div key={info.id}>
            <h3>Adversarial examples{results.length > 1 ? ` of ${info.name}` : ""}</h3>
            <ExampleGrid
              rows={exampleRows(result)}
              bounds={info.bounds}
              classNames={run.classNames}
              attack={run.setting.attack}
            />
          </div>
        ))}
        <Confusion of={all} classNames={run.classNames} />
      </div>
    </div>
  );
}

const captionOf = ({ name }: ModelInfo, { clean }: Evaluation): string =>
  `${name}, ${formatCount(clean.total)} samples`;

/** The clean row, then one for each attack and ε. */
function exampleRows({ evaluation, examples, cleanExamples }: ModelResult): ExampleRow[] {
  const series = seriesOf(evaluation);
  const nameOf = new Map(series.flatMap(({ name, points }) => points.map((point) => [point, name] as const)));
  return [
    {
      title: "ε = 0 (clean)",
      epsilon: 0,
      // The thread makes two arrays of one, by which the zoom knows a clean sample.
      examples: cleanExamples.map((example) => ({ ...example, adversarial: example.original })),
    },
    ...beyondClean(
      evaluation.points.map((point, i) => ({
        title: `${series.length > 1 ? `${nameOf.get(point)}, ` : ""}ε = ${formatEpsilon(point.epsilon)}`,
        epsilon: point.epsilon,
        examples: examples[i] ?? [],
      })),
    ),
  ];
}

/** Labels and predictions, at an ε of choice. */
function Confusion({
  of: all,
  classNames,
}: {
  readonly of: typeof counted.value;
  readonly classNames: readonly string[];
}) {
  const places = all.flatMap(({ info, evaluation }) => {
    const begin = all.length > 1 ? `${info.name}, ` : "";
    const several = seriesOf(evaluation).length > 1;
    return [
      { title: `${begin}clean`, confusion: evaluation.clean.confusion },
      ...beyondClean(evaluation.points).map(({ attack, epsilon, confusion }) => ({
        title: `${begin}${several ? `${attack}, ` : ""}ε = ${formatEpsilon(epsilon)}`,
        confusion,
      })),
    ];
  });
  const [title, choose] = useState<string | null>(null);
  const shown = places.find((place) => place.title === title) ?? places.at(-1);
  return shown === undefined ? null : (
    <div>
      <h3>Label → prediction</h3>
      <div class="experiment-choice">
        <Field label="At">
          {(attributes) => (
            <select {...attributes} value={shown.title} onChange={({ currentTarget }) => choose(currentTarget.value)}>
              {places.map((place) => (
                <option key={place.title}>{place.title}</option>
              ))}
            </select>
          )}
        </Field>
      </div>
      <Matrix confusion={shown.confusion} classNames={classNames} caption={shown.title} />
    </div>
  );
}
