import { useState } from "preact/hooks";
import { type Failure, type FileOptions, failureOf } from "../engine.ts";
import { numbersIn, shapeIn } from "../state/numbers.ts";
import { FailureNote } from "./failure.tsx";
import { Field } from "./field.tsx";
import "./reading-options.css";

/** What a model file does not say itself: the shape of a sample, and how its pixels are normalised. */
export function ReadingOptions({ options, needsShape, onOptions }: ReadingOptionsProps) {
  const [texts, setTexts] = useState({
    shape: options.shape?.join(", ") ?? "",
    mean: options.mean?.join(", ") ?? "",
    std: options.std?.join(", ") ?? "",
  });
  const [failure, setFailure] = useState<Failure | null>(null);
  const text = (name: keyof typeof texts, label: string, hint: string) => (
    <Field label={label} hint={hint}>
      {(attributes) => (
        <input
          {...attributes}
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={texts[name]}
          onInput={({ currentTarget }) => setTexts({ ...texts, [name]: currentTarget.value })}
        />
      )}
    </Field>
  );
  const submit = () => {
    try {
      const [shape, mean, std] = [shapeIn(texts.shape), numbersIn(texts.mean, "Mean"), numbersIn(texts.std, "Std")];
      setFailure(null);
      onOptions({ ...(shape && { shape }), ...(mean && { mean }), ...(std && { std }) });
    } catch (error) {
      setFailure(failureOf(error));
    }
  };
  return (
    <form
      class="reading-options"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {needsShape ? text("shape", "Shape of one sample (C,H,W)", "Such as 3,224,224.") : null}
      <details open={texts.mean !== "" || texts.std !== ""}>
        <summary>Preprocessing</summary>
        {text("mean", "Mean", "One number, or one a channel, for pixels from 0 to 1.")}
        {text("std", "Std", "The network then sees (x − mean) / std.")}
        {needsShape ? null : <button type="submit">Open again</button>}
      </details>
      {needsShape ? <button type="submit">Open again</button> : null}
      {failure ? <FailureNote failure={failure} /> : null}
    </form>
  );
}

interface ReadingOptionsProps {
  readonly options: FileOptions;
  readonly needsShape: boolean;
  readonly onOptions: (options: FileOptions) => void;
}
