import { Panel } from "../components/panel.tsx";
import { run } from "../state/experiment.ts";
import "./experiment.css";
import { ExperimentForm } from "./experiment-form.tsx";
import { ExperimentResult } from "./experiment-result.tsx";
import { ExperimentStatus } from "./experiment-status.tsx";

/** The attack that is chosen, on many samples. */
export function ExperimentPanel() {
  return (
    <Panel title="Experiment" class="experiment">
      <p>
        Measures robust accuracy: the attack chosen above runs on many test images, at each ε. The counts are those of
        the command line.
      </p>
      <ExperimentForm />
      <ExperimentStatus />
      {run.value ? <ExperimentResult run={run.value} /> : null}
    </Panel>
  );
}
