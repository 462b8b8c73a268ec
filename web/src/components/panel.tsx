import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A part of the page, with its heading. */
export function Panel({ title, class: extra = "", children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${extra}`} aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

interface PanelProps {
  readonly title: string;
  readonly class?: string;
  readonly children: ComponentChildren;
}
