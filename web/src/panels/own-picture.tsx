import { toPixels } from "../../../src/report/pictures/picture.ts";
import { product } from "../../../src/tensor.ts";
import { ClassSelect } from "../components/class-select.tsx";
import { DrawPad, inkOfStrokes } from "../components/draw-pad.tsx";
import { FailureNote } from "../components/failure.tsx";
import { FileButton } from "../components/file-button.tsx";
import { PixelPicture } from "../components/pixels.tsx";
import { isPicture } from "../engine/drawn.ts";
import { giveFiles } from "../state/files.ts";
import { known } from "../state/loading.ts";
import {
  choosePicture,
  clearDrawing,
  draw,
  drawing,
  inputSource,
  labelInput,
  picture,
  pictureFailure,
} from "../state/own-input.ts";
import { classNames, model, subject } from "../state/session.ts";
import { input } from "../state/setting.ts";
import "./own-picture.css";

/** A digit of one's own hand. */
export function Drawing() {
  const { strokes, ink } = drawing.value;
  const open = known(model.value);
  if (open && !isPicture(open.inputShape))
    return <p>{open.name} does not take pictures. Choose another model, or another input.</p>;
  return (
    <>
      <DrawPad
        strokes={strokes}
        label="A pad to draw a digit on with mouse, pen or finger. By keyboard, choose a test image instead."
        onDraw={draw}
      />
      <div class="own-picture-row">
        <button
          type="button"
          disabled={strokes.length === 0}
          onClick={() => {
            const kept = strokes.slice(0, -1);
            if (kept.length === 0) clearDrawing();
            else draw(kept, inkOfStrokes(kept));
          }}
        >
          Undo stroke
        </button>
        <button type="button" disabled={strokes.length === 0} onClick={clearDrawing}>
          Clear
        </button>
      </div>
      {ink ? null : <p class="small">Draw a digit. Until then the input does not change.</p>}
      <AsSeen from="drawing" />
    </>
  );
}

/** A picture file. */
export function PictureFile() {
  const chosen = picture.value;
  return (
    <>
      <div class="own-picture-row">
        <FileButton accept="image/*" onFile={(file) => void giveFiles([file], "picture")}>
          Choose a picture
        </FileButton>
        <span class="own-picture-name">{chosen?.file.name ?? "or drop one anywhere on the page"}</span>
      </div>
      {chosen ? (
        <label class="own-picture-row">
          <input
            type="checkbox"
            checked={chosen.invert}
            onChange={({ currentTarget }) => void choosePicture(chosen.file, currentTarget.checked)}
          />
          Invert (for black on white)
        </label>
      ) : null}
      {pictureFailure.value ? <FailureNote failure={pictureFailure.value} /> : null}
      <AsSeen from="picture" />
    </>
  );
}

/** The pixels that the network gets, and what they show. */
function AsSeen({ from }: { readonly from: "drawing" | "picture" }) {
  const own = input.value;
  const open = known(model.value);
  const taken = known(subject.value);
  if (own.kind !== "own" || inputSource(own) !== from || !open || own.x.length !== product(open.inputShape))
    return null;
  const guess = taken?.x === own.x && own.label === null ? classNames.value[taken.label] : undefined;
  return (
    <div class="own-picture-seen">
      <figure>
        <PixelPicture pixels={toPixels(open.inputShape, own.x, open.bounds)} label="The pixels that the model gets" />
      </figure>
      <ClassSelect
        label="Label"
        none={guess === undefined ? "the model’s prediction" : `${guess} (predicted)`}
        names={classNames.value}
        value={own.label}
        onValue={labelInput}
      />
    </div>
  );
}
