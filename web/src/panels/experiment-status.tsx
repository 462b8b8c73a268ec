import { useRef } from "preact/hooks";
import { formatCount, formatPercent, headlineOf } from "../../../src/report/format.ts";
import { Announcement } from "../components/announcement.tsx";
import { FailureNote } from "../components/failure.tsx";
import { Progress } from "../components/progress.tsx";
import {
  counted,
  isOutdated,
  isUnderWay,
  needsSurrogate,
  pause,
  type Run,
  run,
  start,
  stop,
} from "../state/experiment.ts";
import { known } from "../state/loading.ts";
import { data, model, second } from "../state/session.ts";

/** The buttons of a run, how far it is, and how it ended. */
export function ExperimentStatus() {
  const main = useRef<HTMLButtonElement>(null);
  const now = run.value;
  const phase = now?.phase;
  const isReady = known(model.value) && known(data.value) && (!needsSurrogate.value || known(second.value));
  return (
    <div class="experiment-status">
      <div class="experiment-buttons">
        <button
          ref={main}
          type="button"
          class={isUnderWay.value ? "" : "primary"}
          disabled={!isUnderWay.value && !isReady}
          onClick={() => (isUnderWay.value ? pause(phase === "running") : void start())}
        >
          {phase === "running" ? "Pause" : phase === "paused" ? "Resume" : "Start"}
        </button>
        {isUnderWay.value ? (
          <button
            type="button"
            onClick={() => {
              stop();
              main.current?.focus();
            }}
          >
            Stop
          </button>
        ) : null}
        {needsSurrogate.value && !known(second.value) ? <span class="small">Choose a second model first.</span> : null}
      </div>
      {now && isUnderWay.value ? <Course run={now} /> : null}
      {now?.failure ? <FailureNote failure={now.failure} /> : null}
      {phase === "stopped" ? <p>{stoppedInWords()}</p> : null}
      {now && isOutdated.value ? (
        <p class="small">
          The choices above have changed since this run began. The results are for the earlier choices.
        </p>
      ) : null}
      <Announcement text={now ? announcementOf(now) : ""} />
    </div>
  );
}

/** How far all models are together. */
function Course({ run: { models, progress, phase, setting, data: set } }: { readonly run: Run }) {
  const each = Math.min(setting.limit, set.size);
  const heard = models.map(({ id }) => progress.get(id));
  const current = heard.findLast((word) => word !== undefined);
  const place = current ? heard.indexOf(current) : 0;
  const name = models.length > 1 ? models[place]!.name : "";
  return (
    <>
      <Progress
        label="Progress of the experiment"
        done={current ? heard.reduce((sum, word) => sum + (word?.done ?? 0), 0) : null}
        total={current ? current.total * models.length : each * models.length}
        rate={current?.rate ?? 0}
        paused={phase === "paused"}
      />
      {name === "" ? null : <p class="small">Now: {name}</p>}
    </>
  );
}

function stoppedInWords(): string {
  const counts = counted.value.map(
    ({ info, evaluation }) => `${formatCount(evaluation.clean.total)} samples on ${info.name}`,
  );
  return counts.length === 0
    ? "Stopped before any sample was evaluated."
    : `Stopped. The results cover ${counts.join(", ")}.`;
}

/** What is read out: the beginning and the end of a run, not each step. */
function announcementOf({ phase }: Run): string {
  if (phase === "running") return "The experiment runs.";
  if (phase === "paused") return "The experiment is paused.";
  if (phase === "failed") return "";
  if (phase === "stopped") return stoppedInWords();
  const results = counted.value.flatMap(({ info, evaluation }) => {
    const last = headlineOf(evaluation).at(-1);
    return last ? [`${info.name}: robust accuracy ${formatPercent(last.accuracy)} at ε = ${last.epsilon}`] : [];
  });
  return `The experiment is done. ${results.join(", ")}.`;
}
