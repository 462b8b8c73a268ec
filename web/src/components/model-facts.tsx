import { inspectionFacts } from "../../../src/report/terminal/inspection.ts";
import type { ModelInfo } from "../engine.ts";
import { pageWords } from "../failure.ts";
import { CopyText } from "./copy-text.tsx";
import { Facts } from "./facts.tsx";
import "./model-facts.css";

/** Shown without being asked for. */
const FIRST = ["parameters", "gradient"];

/** What is known of a model, in the words of `perturb inspect`. */
export function ModelFacts({ info }: { readonly info: ModelInfo }) {
  const { inspection, options, notes } = info;
  const facts = inspectionFacts(inspection).map(([name, words]) => [name, pageWords(words)] as const);
  const first = facts.filter(([name]) => FIRST.includes(name));
  return (
    <>
      <Facts
        facts={[
          ["takes", info.inputShape.join(" × ")],
          ["gives", info.classes === 1 ? "1 class" : `${info.classes} classes`],
          ...(options.arch
            ? [["network", `${options.arch}, chosen for you: the file holds weights only`] as const]
            : []),
          ...given("mean", options.mean),
          ...given("std", options.std),
          ...first,
        ]}
      />
      {notes.length > 0 ? (
        <ul class="model-notes small" aria-label="What was assumed of this model">
          {notes.map((note) => (
            <li key={note}>{pageWords(note)}</li>
          ))}
        </ul>
      ) : null}
      <details class="model-facts">
        <summary>More about this model</summary>
        <Facts facts={facts.filter(([name]) => !FIRST.includes(name))} />
        <h3>Operators</h3>
        <section class="model-operators" tabindex={0} aria-label="Operators">
          <table>
            <thead>
              <tr>
                <th scope="col">operator</th>
                <th scope="col">count</th>
                <th scope="col">gradient</th>
              </tr>
            </thead>
            <tbody>
              {inspection.operators.map(({ op, domain, count, gradient }) => (
                <tr key={`${domain} ${op}`}>
                  <th scope="row">{pageWords(domain === "ai.onnx" ? op : `${domain}.${op}`)}</th>
                  <td>{count}</td>
                  <td>{SUPPORT[gradient]}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        {inspection.obstacles.length > 0 ? (
          <>
            <h3>Nodes without a gradient</h3>
            <ul class="small">
              {inspection.obstacles.map((node) => (
                <li key={node}>{pageWords(node)}</li>
              ))}
            </ul>
          </>
        ) : null}
        <h3>SHA-256</h3>
        <CopyText label="SHA-256 of the file" text={info.sha256} code />
      </details>
    </>
  );
}

const SUPPORT = { rule: "yes", zero: "zero", none: "no rule" } as const;

const given = (name: string, values: readonly number[] | undefined): readonly (readonly [string, string])[] =>
  values ? [[name, values.join(", ")]] : [];
