import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { SampleRow } from "../../../src/report/files/sample-table.ts";
import { formatCount, formatEpsilon, formatNumber, NORM_SYMBOL } from "../../../src/report/format.ts";
import { OUTCOME_LABELS } from "../../../src/report/words.ts";
import { Field } from "./field.tsx";
import "./samples-table.css";

type Key = keyof SampleRow;
interface Sorting {
  readonly key: Key;
  readonly descending: boolean;
}

/** Rows that are shown at once. */
const PAGE = 50;

const COLUMNS: readonly (readonly [key: Key, title: string, text?: "text"])[] = [
  ["index", "index"],
  ["label", "label", "text"],
  ["prediction", "prediction", "text"],
  ["margin", "margin"],
  ["outcome", "outcome", "text"],
  ["epsilon", "ε"],
  ["attack", "attack", "text"],
  ["adversarialPrediction", "adversarial", "text"],
  ["linf", NORM_SYMBOL.linf],
  ["l2", NORM_SYMBOL.l2],
  ["l1", NORM_SYMBOL.l1],
  ["l0", NORM_SYMBOL.l0],
  ["queries", "queries"],
];
const CERTIFIED: (typeof COLUMNS)[number] = ["certifiedEpsilon", "certified ε"];
const FILE: (typeof COLUMNS)[number] = ["source", "file", "text"];

/** The outcome of each sample, to be sorted and filtered, a page of rows at a time. */
export function SamplesTable({ rows, classNames }: SamplesTableProps) {
  const [sorting, setSorting] = useState<Sorting>({ key: "index", descending: false });
  const [outcome, setOutcome] = useState("");
  const [wanted, setWanted] = useState("");
  const [from, setFrom] = useState(0);
  const hasFiles = useMemo(() => rows.some(({ source }) => source !== null), [rows]);
  const hasProofs = useMemo(() => rows.some(({ certifiedEpsilon }) => certifiedEpsilon !== null), [rows]);
  const columns = [...COLUMNS, ...(hasProofs ? [CERTIFIED] : []), ...(hasFiles ? [FILE] : [])];
  const counts = useMemo(() => countsOf(rows), [rows]);
  const found = useMemo(
    () => sorted(rows.filter(filterOf(outcome, wanted, classNames)), sorting, classNames),
    [rows, classNames, outcome, wanted, sorting],
  );
  const first = from < found.length ? from : 0;
  const shown = found.slice(first, first + PAGE);
  const choose = (set: () => void): void => {
    set();
    setFrom(0);
  };
  const sortBy = (key: Key) => setSorting({ key, descending: sorting.key === key && !sorting.descending });
  return (
    <div class="samples">
      <div class="samples-filters">
        <Field label="Outcome">
          {(attributes) => (
            <select
              {...attributes}
              value={outcome}
              onChange={({ currentTarget: { value } }) => choose(() => setOutcome(value))}
            >
              <option value="">all, {formatCount(rows.length)}</option>
              {[...counts].map(([name, count]) => (
                <option key={name} value={name}>
                  {OUTCOME_LABELS[name]}, {formatCount(count)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={hasFiles ? "Index, label or file" : "Index or label"}>
          {(attributes) => (
            <input
              {...attributes}
              type="search"
              value={wanted}
              onInput={({ currentTarget: { value } }) => choose(() => setWanted(value))}
            />
          )}
        </Field>
      </div>
      <p class="samples-note">
        Margin: the logit of the label minus the largest other logit, on the clean sample. ε to L0: the adversarial
        example at the smallest ε that fooled the model. Queries: forward and backward passes of all attacks.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard */}
      <section class="scroll samples-scroll" tabIndex={0} aria-label="Samples" aria-describedby="scrolls">
        <table class="samples-table">
          <caption class="hidden">Outcome of each sample</caption>
          <thead>
            <tr>
              {columns.map(([key, title, text]) => (
                <th key={key} scope="col" class={text} aria-sort={sorting.key === key ? order(sorting) : undefined}>
                  <button type="button" class="samples-sort" onClick={() => choose(() => sortBy(key))}>
                    {title}
                    <span aria-hidden="true">{sorting.key === key ? (sorting.descending ? "↓" : "↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row) => (
              <tr key={row.index}>
                {columns.map(([key, , text]) => (
                  <td key={key} class={text}>
                    {cell(row, key, classNames)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <div class="samples-pages">
        <button type="button" disabled={first === 0} onClick={() => setFrom(first - PAGE)}>
          Previous
        </button>
        <button type="button" disabled={first + PAGE >= found.length} onClick={() => setFrom(first + PAGE)}>
          Next
        </button>
        <p role="status">
          {shown.length === 0
            ? "No sample matches."
            : `${formatCount(first + 1)} – ${formatCount(first + shown.length)} of ${formatCount(found.length)}`}
        </p>
      </div>
    </div>
  );
}

interface SamplesTableProps {
  readonly rows: readonly SampleRow[];
  readonly classNames: readonly string[];
}

function countsOf(rows: readonly SampleRow[]): ReadonlyMap<SampleRow["outcome"], number> {
  const counts = new Map<SampleRow["outcome"], number>();
  for (const { outcome } of rows) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return counts;
}

const order = ({ descending }: Sorting) => (descending ? "descending" : "ascending");

/** Of an outcome, where one is chosen; with that index, of a label that begins so, or of a file whose name has it. */
function filterOf(outcome: string, text: string, classNames: readonly string[]): (row: SampleRow) => boolean {
  const wanted = text.trim().toLowerCase();
  const isNamed = (label: number): boolean => (classNames[label] ?? String(label)).toLowerCase().startsWith(wanted);
  return (row) =>
    (outcome === "" || row.outcome === outcome) &&
    (wanted === "" ||
      String(row.index) === wanted ||
      isNamed(row.label) ||
      row.source?.toLowerCase().includes(wanted) === true);
}

const CLASSES: ReadonlySet<Key> = new Set(["label", "prediction", "adversarialPrediction"]);

/** By the column as it is shown: classes by their names. Empty cells are last, equal ones by index. */
function sorted(rows: readonly SampleRow[], { key, descending }: Sorting, classNames: readonly string[]): SampleRow[] {
  const { compare } = new Intl.Collator("en", { numeric: true });
  const places = new Map(
    classNames
      .map((name, label) => [label, name] as const)
      .toSorted((a, b) => compare(a[1], b[1]))
      .map(([label], i) => [label, i] as const),
  );
  const sortValue = (row: SampleRow): number | string | null => {
    const value = row[key];
    return CLASSES.has(key) && value !== null ? (places.get(value as number) ?? value) : value;
  };
  const sign = descending ? -1 : 1;
  return rows
    .map((row) => [sortValue(row), row] as const)
    .sort(([a, { index: i }], [b, { index: j }]) => {
      if (a === b) return i - j;
      if (a === null || b === null) return a === null ? 1 : -1;
      return a < b ? -sign : sign;
    })
    .map(([, row]) => row);
}

function cell(row: SampleRow, key: Key, classNames: readonly string[]): ComponentChildren {
  const value = row[key];
  if (value === null) return "";
  if (key === "outcome") return OUTCOME_LABELS[row.outcome];
  if (typeof value === "string") return value;
  if (CLASSES.has(key)) return classNames[value] ?? (value < 0 ? "–" : value);
  if (key === "index") return value;
  if (key === "epsilon" || key === "certifiedEpsilon") return formatEpsilon(value);
  return Number.isInteger(value) ? formatCount(value) : formatNumber(value);
}
