import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./field.css";

/** A control with its label, and what there is to know about it. The control gets `id` and `aria-describedby`. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const describedBy = hint ? `${id}-hint` : undefined;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": describedBy })}
      {hint ? (
        <p id={describedBy} class="small">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

interface FieldProps {
  readonly label: ComponentChildren;
  readonly hint?: ComponentChildren;
  readonly children: (attributes: { id: string; "aria-describedby": string | undefined }) => ComponentChildren;
}
