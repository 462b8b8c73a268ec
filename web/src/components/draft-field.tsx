import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../../../src/errors.ts";
import { Field } from "./field.tsx";

/** A value written as text. What cannot be read is said, and the last good value stays in use. */
export function DraftField<T>({ label, hint, text, read, onValue }: DraftFieldProps<T>) {
  const [draft, setDraft] = useState<string | null>(null);
  const attempt = (written: string): { readonly value: T } | { readonly fault: string } => {
    try {
      return { value: read(written) };
    } catch (error) {
      return { fault: messageOf(error) };
    }
  };
  const now = draft === null ? null : attempt(draft);
  const fault = now && "fault" in now ? now.fault : null;
  return (
    <Field label={label} hint={fault === null ? hint : <span role="alert">{fault}</span>}>
      {(attributes) => (
        <input
          {...attributes}
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={draft ?? text}
          aria-invalid={fault !== null}
          onInput={({ currentTarget }) => {
            setDraft(currentTarget.value);
            const given = attempt(currentTarget.value);
            if ("value" in given) onValue(given.value);
          }}
          onBlur={() => setDraft(null)}
        />
      )}
    </Field>
  );
}

interface DraftFieldProps<T> {
  readonly label: ComponentChildren;
  readonly hint?: string;
  /** The value in use. */
  readonly text: string;
  /** What is thrown says in its message what can be read. */
  readonly read: (text: string) => T;
  readonly onValue: (value: T) => void;
}
