import { Announcement } from "../components/announcement.tsx";
import { EpsilonMark, EpsilonScale } from "../components/epsilon-scale.tsx";
import { FailureNote } from "../components/failure.tsx";
import { fooled } from "../state/fooling.ts";
import { known } from "../state/loading.ts";
import { proven, question } from "../state/proving.ts";
import { outcome } from "../state/session.ts";
import { contradictionOf, fooledWords, provenWords } from "../withstanding-words.ts";

/** What the input is proven to withstand, and what it is known not to withstand, along the slider of ε. */
export function Withstanding({ id, max }: { readonly id: string; readonly max: number }) {
  // Beside the input that is shown, and no other.
  const isShown = known(outcome.value)?.request.x === question.value?.x;
  const [made, found] = isShown ? [proven.value, fooled.value] : [null, null];
  const alarm = contradictionOf(made?.proof, found);
  const epsilon = alarm ? 0 : (made?.proof?.epsilon ?? 0);
  const isFooled = found !== null && found.fooled < Number.POSITIVE_INFINITY;
  const [withstood, broken] = [provenWords(made, alarm !== null), fooledWords(found)];
  const isOver = made?.failure || made?.proof?.isWhole;
  return (
    <>
      <EpsilonScale id={id} max={max} proven={epsilon > 0 ? epsilon : null} fooled={isFooled ? found.fooled : null}>
        <EpsilonMark kind="proven" shown={epsilon > 0}>
          {withstood}
        </EpsilonMark>
        <EpsilonMark kind="fooled" shown={isFooled}>
          {broken}
        </EpsilonMark>
      </EpsilonScale>
      {alarm ? <FailureNote failure={alarm} /> : <Announcement text={isOver ? withstood : ""} />}
    </>
  );
}
