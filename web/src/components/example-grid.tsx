import { useState } from "preact/hooks";
import { formatPercent } from "../../../src/report/format.ts";
import { toPixels } from "../../../src/report/pictures/picture.ts";
import "./example-grid.css";
import { PixelPicture } from "./pixels.tsx";
import { Zoom, type ZoomExample } from "./zoom.tsx";

/** Examples of one ε. */
export interface ExampleRow {
  /** Such as "ε = 0.1". */
  readonly title: string;
  /** 0: the clean row. */
  readonly epsilon: number;
  readonly examples: readonly ZoomExample[];
}

/** Adversarial examples, a row for each ε, titled "label → prediction". One that is chosen is shown large. */
export function ExampleGrid({ rows, bounds, classNames, attack }: ExampleGridProps) {
  const [chosen, choose] = useState<{ readonly row: number; readonly place: number } | null>(null);
  const name = (index: number) => classNames[index] ?? String(index);
  const row = chosen && rows[chosen.row];
  const example = chosen && row?.examples[chosen.place];
  return (
    <div class="example-grid">
      {rows.map(({ title, examples }, i) => (
        <div key={title} class="example-row">
          <h4>{title}</h4>
          {examples.length === 0 ? <p class="small">none</p> : null}
          <ul>
            {examples.map((example, place) => (
              <li key={example.index}>
                <button
                  type="button"
                  aria-label={`${name(example.label)} → ${name(example.prediction)}, sample ${example.index}, ${title}: look closer`}
                  onClick={() => choose({ row: i, place })}
                >
                  <PixelPicture pixels={toPixels(example.shape, example.adversarial, bounds)} label="" />
                  <span>
                    {name(example.label)} → {name(example.prediction)}
                  </span>
                  <span class="small">{formatPercent(example.confidence)}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      ))}
      {chosen && row && example ? (
        <Zoom
          example={example}
          epsilon={row.epsilon}
          bounds={bounds}
          classNames={classNames}
          attack={attack}
          onClose={() => choose(null)}
          onStep={(by) => {
            const count = row.examples.length;
            choose({ ...chosen, place: (chosen.place + by + count) % count });
          }}
        />
      ) : null}
    </div>
  );
}

interface ExampleGridProps {
  readonly rows: readonly ExampleRow[];
  /** Of the model's input. */
  readonly bounds: { readonly lower: number; readonly upper: number };
  readonly classNames: readonly string[];
  readonly attack: string;
}
