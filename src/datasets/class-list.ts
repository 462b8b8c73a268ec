import { MAX_CLASSES } from "../classes.ts";
import { PerturbError } from "../errors.ts";
import { quote } from "../quote.ts";

/** Which class each name is. */
export interface ClassList {
  /** The file, for messages. */
  readonly file: string;
  /** A name of each class, for reports. */
  readonly names: readonly string[];
  /** The class of every name that goes for one. */
  readonly labels: ReadonlyMap<string, number>;
}

/** The class of a name. */
type Entry = readonly [label: number, name: string];

/**
 * A list of class names:
 * - text: line k, counted from 0, is class k; or each line has the class and its name, in the one order or the other. Of a line such
 *   as "n01440764 tench, Tinca tinca", the first word goes for the class too, where no two lines share it. Lines with numbers may
 *   have a head, such as "name,index";
 * - JSON: a list of names; {"0": "name"}; {"0": ["folder", "name"]}; {"name": 0}; or an object with one of these as id2label,
 *   label2id, class_to_idx, class_indices, classes, class_names, names or labels.
 * @throws invalid-file for anything else, for a class without a name or a name of two classes
 */
export function parseClassList(text: string, file: string): ClassList {
  const content = text.replace(/^\uFEFF/, "");
  const entries = /^\s*[[{]/.test(content) ? fromJson(content, file) : fromLines(content, file);
  const labels = new Map<string, number>();
  const names: string[] = [];
  for (const [label, name] of entries) {
    if (!(Number.isInteger(label) && label >= 0 && label < MAX_CLASSES))
      throw invalid(file, `it numbers ${quote(name)} by ${label}, and classes are 0 to ${MAX_CLASSES - 1}`);
    const before = labels.get(name);
    if (before !== undefined && before !== label)
      throw invalid(file, `${quote(name)} is class ${before}, and class ${label} too`);
    labels.set(name, label);
    names[label] ??= name;
  }
  if (names.length === 0) throw invalid(file, "it has no names");
  return { file, names: Array.from(names, (name, label) => name ?? String(label)), labels };
}

function fromLines(text: string, file: string): Entry[] {
  const lines = text
    .replace(/\s+$/, "")
    .split(/\r?\n/)
    .map((line) => line.trim());
  const blank = lines.indexOf("");
  if (blank >= 0) throw invalid(file, `line ${blank + 1} is empty, and line k is class k`);
  const numbered = numberedLines(lines, file) ?? numberedLines(lines.slice(1), file, lines[0]!);
  if (numbered) return numbered;
  if (HEADERS.has(lines[0]!.toLowerCase()))
    throw invalid(file, `its first line, ${quote(lines[0]!)}, looks like the head of a column, and would be class 0`);
  return [...lines.map((line, k): Entry => [k, line]), ...firstWords(lines)];
}

/** What heads a column of numbers, or of names. */
const NUMBERS = new Set([
  "index",
  "idx",
  "id",
  "number",
  "no",
  "target",
  "class_id",
  "classid",
  "class_index",
  "label_id",
]);
const NAMES = new Set([
  "name",
  "names",
  "folder",
  "directory",
  "class_name",
  "classname",
  "label_name",
  "synset",
  "wnid",
]);
const HEADERS = new Set([...NUMBERS, ...NAMES, "class", "classes", "label", "labels", "category", "categories"]);

/** The classes of lines that have a number each, before or after the name; undefined of other lines. @throws invalid-file */
function numberedLines(lines: readonly string[], file: string, head?: string): Entry[] | undefined {
  if (lines.length === 0) return undefined;
  const first = numbersIn(lines, /^"?(?<number>\d+)"?[\s,:;]+(?<name>.+)$/);
  const last = numbersIn(lines, /^(?<name>.+?)[\s,:;]+"?(?<number>\d+)"?$/);
  if (!first && !last) return undefined;
  if (head === undefined) {
    if (first && last) throw invalid(file, "each line has two numbers, and either may be the class");
    return first ?? last;
  }
  const columns = head
    .toLowerCase()
    .split(/[\s,:;]+/)
    .map(unquoted);
  if (/\d/.test(head) && !columns.every((word) => HEADERS.has(word))) return undefined;
  if (!columns.every((word) => HEADERS.has(word)))
    throw invalid(file, `every line but the first, ${quote(head)}, has a number and a name`);
  if (!first || !last) return first ?? last;
  const [left, right] = [columns[0]!, columns.at(-1)!];
  const isLeft = NUMBERS.has(left) || NAMES.has(right);
  if (isLeft === (NUMBERS.has(right) || NAMES.has(left)))
    throw invalid(
      file,
      `each line has two numbers, and its head, ${quote(head)}, does not tell which is the class (folder,index)`,
    );
  return isLeft ? first : last;
}

/** The classes and names of lines that all have both; undefined where a line has not, or two have one class or name. */
function numbersIn(lines: readonly string[], pattern: RegExp): Entry[] | undefined {
  const entries: Entry[] = [];
  for (const line of lines) {
    const { number, name } = pattern.exec(line)?.groups ?? {};
    if (number === undefined || name === undefined) return undefined;
    entries.push([Number(number), unquoted(name)]);
  }
  const isOne = [0, 1].every((part) => new Set(entries.map((entry) => entry[part])).size === lines.length);
  return isOne ? entries : undefined;
}

const unquoted = (text: string): string => /^"(.*)"$/.exec(text)?.[1]?.replaceAll('""', '"') ?? text;

/** The first word of each line of several words, where it tells the lines apart. */
function firstWords(lines: readonly string[]): Entry[] {
  const words = lines.map((line) => /^\S+(?=\s)/.exec(line)?.[0]?.replace(/[,:;]$/, ""));
  const all = lines.map((line, k) => words[k] ?? line);
  return new Set(all).size < lines.length ? [] : words.flatMap((word, k): Entry[] => (word ? [[k, word]] : []));
}

function fromJson(text: string, file: string): Entry[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, "it begins as JSON and is none", cause);
  }
  const outer = isObject(value) ? (KEYS.map((key) => value[key]).find(isCollection) ?? value) : value;
  const entries = Array.isArray(outer)
    ? outer.map((name: unknown, k) => entriesOf(k, name))
    : Object.entries(isObject(outer) ? outer : {}).map(([key, of]) =>
        isClass(of, key) ? [[Number(of), key] as const] : entriesOf(/^\d+$/.test(key) ? Number(key) : Number.NaN, of),
      );
  if (entries.every((of): of is Entry[] => of !== undefined)) return entries.flat();
  throw invalid(file, "it is JSON of another kind");
}

/** Under which configurations of models keep their classes. */
const KEYS = ["id2label", "label2id", "class_to_idx", "class_indices", "classes", "class_names", "names", "labels"];

const isCollection = (value: unknown): boolean => Array.isArray(value) || isObject(value);

/** Whether a value is the class of a name; as text too, where the name is no number. */
const isClass = (value: unknown, name: string): boolean =>
  typeof value === "number" || (typeof value === "string" && /^\d+$/.test(value) && !/^\d+$/.test(name));

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A class with its name, or its names; undefined for anything else. */
function entriesOf(label: number, names: unknown): Entry[] | undefined {
  const all: unknown[] = Array.isArray(names) ? names : [names];
  if (Number.isNaN(label) || all.length === 0) return undefined;
  const entries: Entry[] = [];
  for (const name of all) {
    if (typeof name !== "string") return undefined;
    entries.push([label, name]);
  }
  return entries;
}

function invalid(file: string, what: string, cause?: unknown): PerturbError {
  return new PerturbError(
    "invalid-file",
    `${file} is no list of classes: ${what}. Write the name of one class on each line, in the order of the model's classes, or a JSON list of the names.`,
    { data: { file }, cause },
  );
}
