import { toPixels } from "../../../src/report/picture.ts";
import { FailureOf } from "../components/failure.tsx";
import { Panel } from "../components/panel.tsx";
import { PixelPicture } from "../components/pixels.tsx";
import { known } from "../state/loading.ts";
import { classNames, model, outcome, subject } from "../state/session.ts";

/** The input before and after. */
export function LookingPanel() {
  const [open, chosen, found] = [known(model.value), known(subject.value), known(outcome.value)];
  return (
    <Panel title="What the attack makes of it">
      <FailureOf loading={outcome.value} />
      {open && chosen && found && chosen.model === open.id ? (
        <>
          <PixelPicture pixels={toPixels(open.inputShape, chosen.x, open.bounds)} label="Original" />
          <PixelPicture pixels={toPixels(open.inputShape, found.adversarial, open.bounds)} label="Adversarial" />
          <p>
            {classNames.value[chosen.label]} → {classNames.value[found.after.prediction]}
          </p>
        </>
      ) : null}
    </Panel>
  );
}
