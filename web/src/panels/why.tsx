import type { LinearView } from "../../../src/evaluate/linear/along.ts";
import type { NormName } from "../../../src/norm.ts";
import { formatEpsilon, formatNumber } from "../../../src/report/format.ts";
import { alongPlot } from "../../../src/report/plots/along-plot.ts";
import { FailureNote } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { Plot, untitled } from "../components/plot.tsx";
import type { AttackRequest } from "../engine.ts";
import { known } from "../state/loading.ts";
import { classNames, linear, outcome } from "../state/session.ts";

/** Units of a plot below which its two parts stand one below the other, and what axes and names take beside the lines. */
const NARROW = 520;
const BESIDE = { one: 84, two: 150 };
const HEIGHT = 220;

/** The linear explanation (Goodfellow et al. 2015, §3 and figure 4), on the sample that is attacked. */
export function WhyPanel() {
  const view = known(linear.value);
  return (
    <Panel title="Why it works">
      <Excuse />
      {view ? (
        <>
          <Plot
            height={HEIGHT + 90}
            label={`The logits of the classes against ε, from −${formatEpsilon(view.epsilons.at(-1)!)} to ${formatEpsilon(view.epsilons.at(-1)!)}, along ${view.directions.gradient} and along ${view.directions.random}.`}
            spec={(width) => {
              const columns = width < NARROW ? 1 : 2;
              const panel = columns === 1 ? width - BESIDE.one : (width - BESIDE.two) / 2;
              return untitled(
                alongPlot(view, {
                  label: view.request.label,
                  ...predictionOf(view.request),
                  classNames: classNames.value,
                  columns,
                  size: { width: panel, height: HEIGHT },
                }),
              );
            }}
          />
          <RiseInWords view={view} targeted={view.request.target !== null} />
        </>
      ) : null}
    </Panel>
  );
}

/** What the attack above made of the same input: the class to look at beside the label. */
function predictionOf({ x, label, epsilon }: AttackRequest): { prediction?: number } {
  const found = known(outcome.value);
  const prediction = found?.after.prediction ?? -1;
  const isSame = found?.request.x === x && found.request.epsilon === epsilon;
  return isSame && prediction >= 0 && prediction !== label ? { prediction } : {};
}

/** Why there is nothing to see. That a norm or a model has no such view is no fault. */
function Excuse() {
  const { value } = linear;
  if (value.kind !== "failed") return null;
  const { code, message } = value.failure;
  const isExpected = code === "unsupported" || code === "usage" || code === "no-gradient";
  return isExpected ? <p class="small">{message}</p> : <FailureNote failure={value.failure} />;
}

/** What the gradient predicts, and what came of it. */
function RiseInWords({ view, targeted }: { readonly view: LinearView; readonly targeted: boolean }) {
  const { dual, direction, random } = WORDS[view.norm];
  return (
    <>
      <p>
        Predicted rise of the loss: {dual} = <b>{formatNumber(view.predicted)}</b> (
        {formatNumber(view.predictedClipped)} with the pixels kept in bounds). Measured, in bounds:{" "}
        <b>{formatNumber(view.measured)}</b>.
      </p>
      <p>
        Near an input, the loss J{targeted ? " (here minus the cross-entropy of the target)" : ""} is almost a linear
        function of the pixels (
        <a href="https://arxiv.org/abs/1412.6572" rel="noreferrer">
          Goodfellow et al. 2015
        </a>
        , §3 and figure 4). {direction} {random} Where the measured rise differs from the predicted one, the loss is not
        linear within ε.
      </p>
      <p class="small">
        As in the paper, the lines do not keep the pixels in bounds. The prediction at their ends can differ from that
        of the attack.
      </p>
    </>
  );
}

interface Words {
  /** The rise of a linear loss. */
  readonly dual: string;
  readonly direction: string;
  readonly random: string;
}

const LINF: Words = {
  dual: "ε·‖∇ₓJ‖₁",
  direction:
    "Along the sign of the gradient, every pixel moves by ε in the direction that raises the loss. The rise is a sum over all pixels: many changes that are too small to see add up.",
  random: "Along random signs, the same changes cancel each other.",
};
const L2: Words = {
  dual: "ε·‖∇ₓJ‖₂",
  direction: "A step along the gradient goes where the loss rises most.",
  random: "A random step of the same length is almost orthogonal to the gradient and changes little.",
};
const L1: Words = {
  dual: "ε·‖∇ₓJ‖∞",
  direction: "The whole budget goes to the pixel of the largest gradient.",
  random: "The same budget on a pixel at random changes little.",
};
/** L0 and spatial have no such view. */
const WORDS: Readonly<Record<NormName, Words>> = { linf: LINF, l2: L2, l1: L1, l0: LINF, spatial: LINF };
