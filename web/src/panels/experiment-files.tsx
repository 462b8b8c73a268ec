import { signal } from "@preact/signals";
import type { Evaluation } from "../../../src/evaluate.ts";
import { toCsv } from "../../../src/report/files/csv.ts";
import { accuracyPlots } from "../../../src/report/plots/plots.ts";
import { FailureNote } from "../components/failure.tsx";
import { type Failure, failureOf, type ModelInfo, type ModelResult } from "../engine.ts";
import { drawPlot } from "../plots/draw.ts";
import { download } from "../state/download.ts";
import { engine } from "../state/session.ts";

interface Of {
  readonly info: ModelInfo;
  readonly result: ModelResult;
}

const FILES = {
  "report.json": async ({ result }: Of) => {
    const { toJson } = await import("../../../src/report/files/json.ts");
    return [toJson(result.evaluation), "application/json"] as const;
  },
  "accuracy.csv": async ({ result }: Of) => [toCsv(result.evaluation), "text/csv"] as const,
  "adversarial.npz": async ({ info }: Of) => [await engine.exampleFile(info.id), "application/zip"] as const,
};

/** Why a file that was asked for could not be made. */
const failure = signal<Failure | null>(null);

async function make(work: () => Promise<void>): Promise<void> {
  failure.value = null;
  try {
    await work();
  } catch (error) {
    failure.value = failureOf(error);
  }
}

/** What the command line would have written, as downloads: for each model its own, and one plot. */
export function ExperimentFiles({ results, all }: ExperimentFilesProps) {
  const saveCurve = async () => download("accuracy.svg", await drawPlot(accuracyPlots(all)), "image/svg+xml");
  const save = (of: Of, name: keyof typeof FILES) =>
    make(async () => {
      const [content, type] = await FILES[name](of);
      download(results.length > 1 ? `${stem(of.info.name)}-${name}` : name, content, type);
    });
  return (
    <>
      {results.map((of, i) => (
        <div key={of.info.id} class="experiment-buttons">
          {results.length > 1 ? <span class="experiment-of">{of.info.name}</span> : null}
          {(Object.keys(FILES) as (keyof typeof FILES)[]).map((name) => (
            <button
              key={name}
              type="button"
              aria-label={results.length > 1 ? `${name} of ${of.info.name}` : undefined}
              onClick={() => void save(of, name)}
            >
              {name}
            </button>
          ))}
          {i === 0 ? (
            <button type="button" onClick={() => void make(saveCurve)}>
              accuracy.svg
            </button>
          ) : null}
        </div>
      ))}
      {failure.value ? <FailureNote failure={failure.value} /> : null}
    </>
  );
}

interface ExperimentFilesProps {
  readonly results: readonly Of[];
  readonly all: readonly [Evaluation, ...Evaluation[]];
}

/** The name of a model as the beginning of a file's name. */
const stem = (name: string): string => name.replace(/\.\w+$/, "").replaceAll(/[^\w.-]/g, "_");
