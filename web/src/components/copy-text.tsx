import { useState } from "preact/hooks";
import "./copy-text.css";

/** A text to be taken along, with a button that copies it. */
export function CopyText({ label, text, code = false }: CopyTextProps) {
  const [done, setDone] = useState({ text: "", words: "" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setDone({ text, words: "Copied" });
    } catch {
      // Not every host, and not every browser, lets a page write there.
      setDone({ text, words: "Select and copy it by hand" });
    }
  };
  return (
    <div class="copy-text">
      <section tabindex={0} aria-label={label}>
        <pre class={code ? "code" : ""}>{text}</pre>
      </section>
      <button type="button" onClick={() => void copy()} aria-label={`Copy: ${label}`}>
        Copy
      </button>
      <span class="small" role="status">
        {done.text === text ? done.words : null}
      </span>
    </div>
  );
}

interface CopyTextProps {
  readonly label: string;
  readonly text: string;
  /** A command line: set in a fixed width. */
  readonly code?: boolean;
}
