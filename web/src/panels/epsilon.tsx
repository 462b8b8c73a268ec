import { useId } from "preact/hooks";
import type { NormName } from "../../../src/norm.ts";
import { EpsilonControl } from "../components/epsilon-control.tsx";
import { type Budget, budgetOf } from "../state/budget.ts";
import { known } from "../state/loading.ts";
import { model } from "../state/session.ts";
import { change, setting } from "../state/setting.ts";
import { Withstanding } from "./withstanding.tsx";

/** Used until a model is open. */
const DIGITS = { inputShape: [1, 28, 28], bounds: { lower: 0, upper: 1 } };

/** How ε is offered in a norm, for the model that is open. */
export function budgetIn(norm: NormName): Budget {
  const { inputShape, bounds } = known(model.value) ?? DIGITS;
  return budgetOf(norm, inputShape, bounds);
}

/** How much may change: beside what comes of it, so that the hand and the eye are in one place. */
export function Epsilon() {
  const { norm, epsilon } = setting.value;
  const { bounds } = known(model.value) ?? DIGITS;
  const id = useId();
  const budget = budgetIn(norm);
  return (
    <EpsilonControl
      norm={norm}
      value={epsilon}
      budget={budget}
      range={bounds.upper - bounds.lower}
      describedBy={id}
      onValue={(value) => change({ epsilon: value })}
    >
      <Withstanding id={id} max={budget.max} />
    </EpsilonControl>
  );
}
