import { PerturbError } from "../../errors.ts";
import type { Outcome, SampleRecord } from "../../evaluate.ts";
import { type Cell, csvLine, fromInert } from "./csv.ts";

/** The outcomes of a sample, as samples.csv writes them. */
export const OUTCOMES = ["misclassified", "skipped", "fooled", "error", "not-fooled"] as const satisfies Outcome[];

export type ColumnType = "INT32" | "DOUBLE" | "STRING";

/** A column of samples.csv and samples.parquet. */
export interface SampleColumn {
  readonly name: string;
  readonly key: keyof SampleRecord;
  /** In Parquet. */
  readonly type: ColumnType;
  /** Whether it may be empty, and whether it is so where the sample was not fooled, and only there. */
  readonly nullable: boolean;
  readonly ofFooled: boolean;
  /** The least value of a number. */
  readonly least: number;
}

const column = (
  key: keyof SampleRecord,
  type: ColumnType,
  { nullable = false, ofFooled = nullable as boolean, least = 0, name = key as string } = {},
) => ({
  name,
  key,
  type,
  nullable,
  ofFooled,
  least,
});

/** The columns, in order, of a run that does not certify. */
export const SAMPLE_COLUMNS: readonly SampleColumn[] = [
  column("index", "INT32"),
  column("label", "INT32"),
  column("prediction", "INT32", { least: -1 }),
  column("margin", "DOUBLE", { least: Number.NEGATIVE_INFINITY }),
  column("outcome", "STRING"),
  column("epsilon", "DOUBLE", { nullable: true }),
  column("attack", "STRING", { nullable: true }),
  column("adversarialPrediction", "INT32", { nullable: true, name: "adversarial_prediction" }),
  column("linf", "DOUBLE", { nullable: true }),
  column("l2", "DOUBLE", { nullable: true }),
  column("l1", "DOUBLE", { nullable: true }),
  column("l0", "DOUBLE", { nullable: true }),
  column("queries", "INT32"),
  column("forwards", "INT32"),
  column("gradients", "INT32"),
  column("seconds", "DOUBLE"),
  column("source", "STRING", { nullable: true, ofFooled: false }),
];

/** The columns of a run that certifies. */
export const CERTIFIED_COLUMNS: readonly SampleColumn[] = [
  ...SAMPLE_COLUMNS,
  column("certifiedEpsilon", "DOUBLE", { nullable: true, ofFooled: false, name: "certified_epsilon" }),
  column("certifiedBy", "STRING", { nullable: true, ofFooled: false, name: "certified_by" }),
  column("openReason", "STRING", { nullable: true, ofFooled: false, name: "open_reason" }),
];

/** The columns of the run that a record is of: all of its records have the same. */
export const columnsOf = ({ certifiedEpsilon }: SampleRecord): readonly SampleColumn[] =>
  certifiedEpsilon === undefined ? SAMPLE_COLUMNS : CERTIFIED_COLUMNS;

export const headerOf = (columns: readonly SampleColumn[]): string => csvLine(columns.map(({ name }) => name));

/** The first line of samples.csv, of a run that does not certify. */
export const SAMPLES_HEADER: string = headerOf(SAMPLE_COLUMNS);

/** A record as a line of samples.csv. */
export const sampleLine = (record: SampleRecord): string =>
  csvLine(columnsOf(record).map(({ key }) => record[key] ?? null));

/**
 * The records of a samples.csv, read as its text comes; memory is that of one line. `name` says in errors which file it was.
 * @throws invalid-file for what `perturb evaluate` does not write, with its line
 */
export async function* readSamples(
  text: AsyncIterable<string> | Iterable<string>,
  name: string,
): AsyncGenerator<SampleRecord> {
  let line = 0;
  let last = -1;
  let columns = SAMPLE_COLUMNS;
  for await (const fields of rowsOf(text, name)) {
    line++;
    if (line === 1) {
      const known = [SAMPLE_COLUMNS, CERTIFIED_COLUMNS].find((some) => headerOf(some) === csvLine(fields));
      if (!known) throw notSamples(name, line, "does not name the columns");
      columns = known;
      continue;
    }
    const record = parse(fields, columns, (why) => notSamples(name, line, why));
    if (record.index <= last) throw notSamples(name, line, `has index ${record.index} after ${last}`);
    last = record.index;
    yield record;
  }
  if (line === 0) throw notSamples(name, 1, "is missing");
}

function parse(
  fields: readonly string[],
  columns: readonly SampleColumn[],
  fault: (why: string) => PerturbError,
): SampleRecord {
  if (fields.length !== columns.length) throw fault(`has ${fields.length} fields, not ${columns.length}`);
  const value = ({ name, type, nullable, least }: SampleColumn, text: string): Cell => {
    if (text === "" && nullable) return null;
    if (type === "STRING") return fromInert(text);
    const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
    const fits = type === "INT32" ? (number | 0) === number : Number.isFinite(number);
    if (!fits || number < least) throw fault(`has "${text.slice(0, 40)}" for ${name}`);
    return number;
  };
  const record = Object.fromEntries(columns.map((c, i) => [c.key, value(c, fields[i]!)])) as unknown as SampleRecord;
  const { outcome, label, prediction } = record;
  if (!OUTCOMES.includes(outcome)) throw fault(`has "${String(outcome).slice(0, 40)}" for outcome`);
  for (const { key, name, ofFooled } of SAMPLE_COLUMNS)
    if (ofFooled && (record[key] === null) === (outcome === "fooled"))
      throw fault(`is of a sample that is ${outcome}, ${record[key] === null ? "without" : "with"} ${name}`);
  const correct = outcome !== "misclassified" && outcome !== "error";
  if ((correct && prediction !== label) || (outcome === "misclassified" && prediction === label))
    throw fault(`is of a sample that is ${outcome}, with label ${label} and prediction ${prediction}`);
  return record;
}

/** Letters of one line: its numbers, and the name of an attack. */
const LONGEST = 10_000;

/** The rows of a CSV text (RFC 4180; a line may end without the carriage return), cut anywhere. */
async function* rowsOf(text: AsyncIterable<string> | Iterable<string>, name: string): AsyncGenerator<string[]> {
  let [row, line, open] = ["", 1, false];
  for await (const chunk of text)
    for (let start = 0; start < chunk.length; ) {
      const end = chunk.indexOf("\n", start) + 1 || chunk.length;
      const piece = chunk.slice(start, end);
      start = end;
      row += piece;
      if (row.length > LONGEST) throw notSamples(name, line, "is too long");
      // Inside quotes a line may end without an end of the row.
      if (piece.includes('"')) open = open !== (piece.split('"').length % 2 === 0);
      if (open || !row.endsWith("\n")) continue;
      const fields = fieldsOf(row.replace(/\r?\n$/, ""));
      if (!fields) throw notSamples(name, line, "has a quote in the middle of a field");
      yield fields;
      row = "";
      line++;
    }
  if (row !== "") throw notSamples(name, line, "is cut off");
}

/** The fields of a row; null where a quote stands in the middle of one. */
function fieldsOf(row: string): string[] | null {
  if (!row.includes('"')) return row.split(",");
  const fields: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (let separator = ","; separator === ","; ) {
    const match = field.exec(row);
    if (!match) return null;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    separator = match[3]!;
  }
  return fields;
}

const notSamples = (name: string, line: number, why: string): PerturbError =>
  new PerturbError(
    "invalid-file",
    `${name} holds no samples of perturb: line ${line} ${why}. Give a samples.csv that \`perturb evaluate\` wrote.`,
    { data: { name, line } },
  );
