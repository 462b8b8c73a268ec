import type { SampleRecord } from "../../evaluate.ts";
import { printable } from "../format.ts";
import { OUTCOMES } from "./samples.ts";

/** More records than this make a page slow: samples.csv holds them all. */
const MOST = 20_000;

/** Records of samples in columns, as report.html holds them: numbers with six significant digits, names by their place in a list. */
export interface SampleTable {
  /** Of the run; the columns hold the first of them, at most 20,000. */
  readonly total: number;
  readonly index: readonly number[];
  readonly label: readonly number[];
  readonly prediction: readonly number[];
  readonly margin: readonly number[];
  /** Places in OUTCOMES. */
  readonly outcome: readonly number[];
  readonly queries: readonly number[];
  /** Of the samples that are fooled, in order. */
  readonly fooled: Readonly<Record<(typeof FOOLED)[number], readonly number[]>>;
  /** Names that `fooled.attack` gives by their place. */
  readonly attacks: readonly string[];
  /** The largest certified ε of each sample, null for those without, where the run certifies. */
  readonly certified?: readonly (number | null)[];
  /** The file of each sample, where there are such. */
  readonly sources?: readonly (string | null)[];
}

const FOOLED = ["epsilon", "attack", "adversarialPrediction", "linf", "l2", "l1", "l0"] as const;
type Fooled = (typeof FOOLED)[number];

/** A row of the table: the fields of a record that a person looks at. */
export type SampleRow = Omit<
  SampleRecord,
  "forwards" | "gradients" | "seconds" | "certifiedEpsilon" | "certifiedBy" | "openReason"
> & { readonly certifiedEpsilon: number | null };

/** Puts records into columns as they come. */
export interface Tabulator {
  readonly add: (records: readonly SampleRecord[]) => void;
  readonly table: () => SampleTable;
}

export function tabulate(): Tabulator {
  let total = 0;
  const columns = {
    index: list(),
    label: list(),
    prediction: list(),
    margin: list(),
    outcome: list(),
    queries: list(),
  };
  const fooled = Object.fromEntries(FOOLED.map((name) => [name, list()])) as Record<Fooled, number[]>;
  const attacks: string[] = [];
  const sources: (string | null)[] = [];
  const certified: (number | null)[] = [];
  const placeOf = (attack: string): number => {
    const place = attacks.indexOf(attack);
    return place >= 0 ? place : attacks.push(attack) - 1;
  };
  const addOne = (record: SampleRecord): void => {
    for (const name of ["index", "label", "prediction", "queries"] as const) columns[name].push(record[name]);
    columns.margin.push(round(record.margin));
    sources.push(record.source && printable(record.source));
    if (record.certifiedEpsilon !== undefined) certified.push(record.certifiedEpsilon);
    columns.outcome.push(OUTCOMES.indexOf(record.outcome));
    if (record.outcome !== "fooled") return;
    for (const name of FOOLED) fooled[name].push(name === "attack" ? placeOf(record.attack!) : round(record[name]!));
  };
  return {
    add(records) {
      for (const record of records.slice(0, MOST - columns.index.length)) addOne(record);
      total += records.length;
    },
    table: () => ({
      total,
      ...columns,
      fooled,
      attacks,
      ...(certified.length > 0 && { certified }),
      ...(sources.some((source) => source !== null) && { sources }),
    }),
  };
}

const list = (): number[] => [];

/** To six significant digits. */
export const round = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(6)));

/** The rows of a table, in order. */
export function rowsOf({
  index,
  label,
  prediction,
  margin,
  outcome,
  queries,
  fooled,
  attacks,
  certified,
  sources,
}: SampleTable): SampleRow[] {
  let next = 0;
  return index.map((at, i) => {
    const kind = OUTCOMES[outcome[i]!]!;
    const place = kind === "fooled" ? next++ : Number.NaN;
    const of = (name: Fooled): number | null => fooled[name][place] ?? null;
    return {
      index: at,
      label: label[i]!,
      prediction: prediction[i]!,
      margin: margin[i]!,
      outcome: kind,
      epsilon: of("epsilon"),
      attack: attacks[of("attack") ?? -1] ?? null,
      adversarialPrediction: of("adversarialPrediction"),
      linf: of("linf"),
      l2: of("l2"),
      l1: of("l1"),
      l0: of("l0"),
      queries: queries[i]!,
      source: sources?.[i] ?? null,
      certifiedEpsilon: certified?.[i] ?? null,
    };
  });
}
