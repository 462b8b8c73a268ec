import { AttackPanel } from "./panels/attack.tsx";
import { ExperimentPanel } from "./panels/experiment.tsx";
import { HardenPanel } from "./panels/hardening.tsx";
import { InputPanel } from "./panels/input.tsx";
import { LookingPanel } from "./panels/looking.tsx";
import { ModelPanel } from "./panels/model.tsx";
import { Notes } from "./panels/notes.tsx";
import { TakeAwayPanel } from "./panels/take-away.tsx";
import { WhyPanel } from "./panels/why.tsx";

/** The page, from top to bottom. */
export function App() {
  return (
    <div class="page">
      <header>
        <h1>perturb playground</h1>
        <p>
          Attack an image classifier with small changes to its input: on digits, on a picture, on your own model. All of
          it runs in this page. Nothing leaves your machine.
        </p>
      </header>
      <main class="page-main">
        <div class="bench">
          <LookingPanel />
          <div class="controls">
            <InputPanel />
            <AttackPanel />
            <ModelPanel />
          </div>
          <div class="rest">
            <WhyPanel />
            <TakeAwayPanel />
          </div>
        </div>
        <ExperimentPanel />
        <HardenPanel />
      </main>
      <Notes />
    </div>
  );
}
