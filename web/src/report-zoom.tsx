import { render } from "preact";
import { useState } from "preact/hooks";
import { decode, type ReportData } from "../../src/report/page/data.ts";
import { Zoom } from "./components/zoom.tsx";

/** Makes the pictures of the page buttons, each of which opens its example large. */
export function zoomInto(figures: Iterable<HTMLElement>, data: ReportData): void {
  for (const [at, figure] of [...figures].entries()) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example-open";
    button.setAttribute("aria-haspopup", "dialog");
    const picture = figure.querySelector("img")!;
    picture.replaceWith(button);
    button.append(picture);
    figure.addEventListener("click", () => {
      // A click beside the button leaves the focus elsewhere: it returns to the button.
      button.focus();
      // A place of its own: the one before may be closed and not yet gone.
      const place = document.body.appendChild(document.createElement("div"));
      const onClose = (): void => {
        render(null, place);
        place.remove();
      };
      render(<Zooming data={data} start={at} onClose={onClose} />, place);
    });
  }
}

function Zooming({ data, start, onClose }: ZoomingProps) {
  const [at, setAt] = useState(start);
  const { bounds, classNames, examples, values } = data;
  const example = examples[at]!;
  const original = decode(values, example.original, bounds);
  const adversarial = example.adversarial === example.original ? original : decode(values, example.adversarial, bounds);
  return (
    <Zoom
      example={{ ...example, shape: values.shape, original, adversarial }}
      {...{ bounds, classNames, onClose }}
      epsilon={example.epsilon}
      attack={example.attack}
      distances={example.distances}
      note={noteOf(data)}
      onStep={(by) => setAt((at + by + examples.length) % examples.length)}
    />
  );
}

interface ZoomingProps {
  readonly data: ReportData;
  /** Which example is first. */
  readonly start: number;
  readonly onClose: () => void;
}

function noteOf({ values: { bits, factor } }: ReportData): string | undefined {
  if (bits === 32) return undefined;
  const size = factor === 1 ? "" : `, each the mean of ${factor} × ${factor}`;
  return `Shown in 8-bit pixels${size}, and so is the perturbation; the distances are those of the sample itself.`;
}
