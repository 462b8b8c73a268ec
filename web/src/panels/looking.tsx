import { useCallback, useEffect, useState } from "preact/hooks";
import { formatCount, formatEpsilon, formatPercent } from "../../../src/report/format.ts";
import { product } from "../../../src/tensor.ts";
import { Announcement } from "../components/announcement.tsx";
import { Bars } from "../components/bars.tsx";
import { Comparison } from "../components/comparison.tsx";
import { Distances } from "../components/distances.tsx";
import { FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { PlayHead } from "../components/play-head.tsx";
import type { ModelInfo } from "../engine.ts";
import { known } from "../state/loading.ts";
import { type Attacked, classNames, model, outcome, queries, subject } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";
import { Epsilon } from "./epsilon.tsx";
import "./looking.css";

/** The input before and after. */
export function LookingPanel() {
  const [open, found] = [known(model.value), known(outcome.value)];
  const late = useLate(outcome.value.kind === "loading", PATIENCE);
  const fits = open && found && found.adversarial.length === product(open.inputShape);
  return (
    <Panel title="Result">
      <Epsilon />
      <FailureOf loading={outcome.value} />
      {fits ? (
        <Result open={open} found={found} late={late} />
      ) : outcome.value.kind === "failed" ? null : (
        <p class="small looking-empty">{late ? attacking() : emptiness()}</p>
      )}
    </Panel>
  );
}

/** Why there is nothing to look at. */
const emptiness = (): string =>
  subject.value.kind === "failed" ? subject.value.failure.message : "No input has been attacked yet.";

function Result({ open, found, late }: { readonly open: ModelInfo; readonly found: Attacked; readonly late: boolean }) {
  const { frame, amplify } = setting.value;
  const { before, request, frames } = found;
  const last = frames.length - 1;
  const at = Math.min(frame ?? last, last);
  const shown = at < last ? frames[at]! : { x: found.adversarial, query: null, ...found.after };
  const names = classNames.value;
  const nameOf = (c: number): string => names[c] ?? (c < 0 ? "no prediction" : String(c));
  const sure = ({ probabilities, prediction }: { probabilities: readonly number[]; prediction: number }) =>
    prediction < 0 ? "no prediction" : `${nameOf(prediction)}, ${formatPercent(probabilities[prediction]!)}`;
  const position = `query ${formatCount(shown.query ?? 0)} of ${formatCount(found.forwards + found.gradients)}`;
  const where =
    shown.query === null
      ? verdictOf(found, nameOf)
      : `${position}: ${shown.prediction === before.prediction ? "still " : ""}${nameOf(shown.prediction)}`;
  const onFrame = useCallback((to: number) => change({ frame: to < last ? to : null }), [last]);
  return (
    <div class={late ? "looking late" : "looking"} aria-busy={late}>
      <div>
        <p class="looking-change">
          {nameOf(request.label)} → {nameOf(shown.prediction)}
        </p>
        <p>{late ? attacking() : capital(where)}</p>
        <Announcement text={`${nameOf(request.label)} → ${sure(shown)}. ${capital(where)}`} />
      </div>
      <Comparison
        shape={open.inputShape}
        bounds={open.bounds}
        original={request.x}
        adversarial={shown.x}
        amplify={amplify}
        onAmplify={(times) => change({ amplify: times })}
        captions={{ original: sure(before), adversarial: sure(shown) }}
      />
      <PlayHead
        count={frames.length}
        frame={at}
        label={shown.query === null ? "the result" : position}
        obstacle={frames.length > 1 ? null : noQueries(found)}
        onFrame={onFrame}
      />
      <div class="looking-numbers">
        <Bars
          names={names}
          before={before.probabilities}
          after={shown.probabilities}
          label={request.label}
          prediction={shown.prediction}
        />
        <Distances outcome={found} size={request.x.length} />
      </div>
    </div>
  );
}

/** Why there is nothing to step through. */
const noQueries = ({ attacked }: Attacked): string =>
  attacked ? "No steps to show: the attack changed nothing." : "No steps to show: this input is not attacked.";

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** The outcome of the sample, in words. */
function verdictOf({ attacked, success, before, request }: Attacked, nameOf: (c: number) => string): string {
  const { label, target, epsilon } = request;
  if (!attacked)
    return before.prediction === label
      ? "the label is the target class, so this input is not attacked"
      : "misclassified without an attack, so this input is not attacked";
  const budget = `ε = ${formatEpsilon(epsilon)}`;
  if (!success) return `not fooled at ${budget}`;
  return target === null
    ? `fooled at ${budget}`
    : `fooled at ${budget}: the prediction is the target ${nameOf(target)}`;
}

/** Milliseconds after which work is said to take its time. */
const PATIENCE = 300;

const attacking = (): string => (queries.value > 0 ? `attacking… ${formatCount(queries.value)} queries` : "attacking…");

/** Whether something has gone on for longer than so many milliseconds. */
function useLate(active: boolean, patience: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!active) {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), patience);
    return () => clearTimeout(timer);
  }, [active, patience]);
  return late && active;
}
