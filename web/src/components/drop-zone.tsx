import { useEffect, useState } from "preact/hooks";
import "./drop-zone.css";

/** Takes files that are dropped anywhere on the page, and says so while they are dragged over it. */
export function DropZone({ text, onFiles }: DropZoneProps) {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    const hear = (kind: "dragenter" | "dragover" | "dragleave" | "drop", act: (event: DragEvent) => void) =>
      addEventListener(
        kind,
        (event) => {
          if (!event.dataTransfer?.types.includes("Files")) return;
          event.preventDefault();
          act(event);
        },
        { signal: controller.signal },
      );
    hear("dragenter", () => setOver(true));
    hear("dragover", () => setOver(true));
    // Leaving the window, not an element of it.
    hear("dragleave", ({ relatedTarget }) => {
      if (relatedTarget === null) setOver(false);
    });
    hear("drop", ({ dataTransfer }) => {
      setOver(false);
      onFiles([...(dataTransfer?.files ?? [])]);
    });
    return () => controller.abort();
  }, [onFiles]);
  return over ? (
    <div class="drop-zone" aria-hidden="true">
      <p>{text}</p>
    </div>
  ) : null;
}

interface DropZoneProps {
  readonly text: string;
  readonly onFiles: (files: readonly File[]) => void;
}
