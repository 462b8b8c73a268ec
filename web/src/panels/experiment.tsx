import { Panel } from "../components/panel.tsx";
import { run } from "../state/experiment.ts";
import "./experiment.css";
import { ExperimentForm } from "./experiment-form.tsx";
import { ExperimentResult } from "./experiment-result.tsx";
import { ExperimentStatus } from "./experiment-status.tsx";

/** The attack that is chosen, on many samples. */
export function ExperimentPanel() {
  return (
    <Panel title="The experiment" class="experiment">
      <p>
        One picture says little. Here the attack chosen above meets many, at each ε, and what is still classified right
        is counted as the command line counts it.
      </p>
      <ExperimentForm />
      <ExperimentStatus />
      {run.value ? <ExperimentResult run={run.value} /> : null}
    </Panel>
  );
}
