import { useRef } from "preact/hooks";
import { formatCount, formatEpsilon, formatPercent } from "../../../src/report/format.ts";
import { learningPlot } from "../../../src/report/plots/learning-plot.ts";
import { Amount } from "../components/amount.tsx";
import { Announcement } from "../components/announcement.tsx";
import { FailureNote } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { fitted, Plot } from "../components/plot.tsx";
import { Progress } from "../components/progress.tsx";
import { download } from "../state/download.ts";
import {
  type Hardening,
  hardenChoice,
  hardenedName,
  hardening,
  openHardened,
  startHardening,
  stopHardening,
  usualHardenEpsilon,
} from "../state/hardening.ts";
import { known } from "../state/loading.ts";
import { data, model } from "../state/session.ts";
import "./hardening.css";

/** The network that is chosen, trained for a minute to withstand attacks. */
export function HardenPanel() {
  const now = hardening.value;
  const size = known(data.value)?.size ?? 0;
  return (
    <Panel title="Make it more robust" class="hardening">
      <p>
        Trains the network above on adversarial examples: FGSM from a random start (Wong et al. 2020), in L∞. It learns
        from the second half of the test images, at most 5,000. A tenth of these are held out, and tell after each epoch
        how many withstand PGD-10. The first {formatCount(Math.ceil(size / 2))} are left alone, so that an experiment on
        them stays fair.
      </p>
      <Form />
      <Buttons />
      {now?.phase === "running" ? (
        <Progress
          label="Progress of the training"
          done={now.word?.done ?? null}
          total={now.word?.total ?? 1}
          rate={now.word?.rate ?? 0}
          paused={false}
        />
      ) : null}
      {now?.failure ? <FailureNote failure={now.failure} /> : null}
      {now ? <Course now={now} /> : null}
      <Announcement text={now ? announcementOf(now) : ""} />
    </Panel>
  );
}

function Form() {
  const open = known(model.value);
  const { epsilon, epochs } = hardenChoice.value;
  return (
    <div class="hardening-form">
      <Amount
        label="ε to train for"
        value={epsilon ?? (open ? usualHardenEpsilon(open) : 0.1)}
        onValue={(value) => {
          hardenChoice.value = { ...hardenChoice.peek(), epsilon: value };
        }}
      />
      <Amount
        label="Epochs"
        value={epochs}
        whole
        onValue={(value) => {
          hardenChoice.value = { ...hardenChoice.peek(), epochs: Math.max(1, value) };
        }}
      />
    </div>
  );
}

function Buttons() {
  const main = useRef<HTMLButtonElement>(null);
  const now = hardening.value;
  const isRunning = now?.phase === "running";
  const isReady = known(model.value) !== undefined && known(data.value) !== undefined;
  const result = now?.result;
  return (
    <div class="hardening-buttons">
      <button
        ref={main}
        type="button"
        class={isRunning ? "" : "primary"}
        disabled={!isRunning && !isReady}
        onClick={() => (isRunning ? stopHardening() : void startHardening())}
      >
        {isRunning ? "Stop" : "Train"}
      </button>
      {now && result && result.best > 0 ? (
        <>
          <button type="button" onClick={() => void openHardened({ ...now, result })}>
            Attack the new network
          </button>
          <button type="button" onClick={() => download(hardenedName(now), result.bytes, "application/octet-stream")}>
            Save .onnx
          </button>
        </>
      ) : null}
    </div>
  );
}

/** The curve so far, and what it means. */
function Course({ now }: { readonly now: Hardening }) {
  const history = now.result?.history ?? now.word?.history ?? [];
  if (history.length === 0) return null;
  return (
    <>
      <p>{resultWords(now)}</p>
      <Plot
        spec={(width) => fitted(learningPlot(history), width, 300)}
        label={`Accuracy of ${now.model.name} on the images held out, after each epoch: clean, under FGSM and under PGD-10.`}
        height={300}
      />
    </>
  );
}

const STOPPED = "Stopped before the first epoch ended. The network is as it was.";

function resultWords({ epsilon, phase, result, word }: Hardening): string {
  const history = result?.history ?? word?.history ?? [];
  const [first] = history;
  const last = result ? history.find(({ epoch }) => epoch === result.best) : history.at(-1);
  if (!first || !last) return "";
  const share = (of: "clean" | "pgd", { validation }: typeof first): string =>
    formatPercent(validation[of] / validation.total);
  const total = formatCount(first.validation.total);
  const before = `Of ${total} images held out, ${share("pgd", first)} withstand PGD-10 at ε = ${formatEpsilon(epsilon)} before the training`;
  if (phase === "stopped" && !result) return STOPPED;
  if (result?.best === 0) return `${before}. No epoch was better, so the network stays as it is.`;
  if (last === first) return `${before}.`;
  const when = result ? `after it (epoch ${last.epoch})` : `after epoch ${last.epoch}`;
  return `${before}, and ${share("pgd", last)} ${when}. Clean accuracy goes from ${share("clean", first)} to ${share("clean", last)}.`;
}

/** What is read out: the beginning and the end. */
function announcementOf(now: Hardening): string {
  if (now.phase === "running") return "The training runs.";
  if (now.phase === "failed") return "";
  if (!now.result) return STOPPED;
  return `The training ${now.phase === "done" ? "is done" : "was stopped"}. ${resultWords(now)}`;
}
