/** What a Python literal can hold here: tuples and lists are arrays, dicts are maps. */
export type PythonValue = string | number | boolean | null | readonly PythonValue[] | ReadonlyMap<string, PythonValue>;

const MAX_DEPTH = 8;
const CLOSING = { "(": ")", "[": "]", "{": "}" } as const;
const CONSTANTS = new Map<string, boolean | null>([
  ["True", true],
  ["False", false],
  ["None", null],
]);
/** Punctuation, names, whole numbers (Python 2 wrote 10L) and strings without escapes, behind the blanks that Python knows. */
const TOKEN = /[ \t\f\r\n]*(?:([()[\]{},:])|([A-Za-z]+)|(0+|[1-9]\d*)L?(?![\dA-Za-z_.])|'([^'\\\n]*)'|"([^"\\\n]*)")/y;

/**
 * A Python literal made of dicts with string keys, tuples, lists, strings, whole numbers, True, False and None.
 * Nothing is ever executed. @throws SyntaxError with the position
 */
export function parsePythonLiteral(text: string): PythonValue {
  let position = 0;
  const fail = (what: string): never => {
    throw new SyntaxError(`${what} at character ${position}`);
  };
  const match = (): RegExpExecArray => {
    TOKEN.lastIndex = position;
    return TOKEN.exec(text) ?? fail("unexpected text");
  };
  const peek = (): string | undefined => match()[1];
  const value = (depth: number): PythonValue => {
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} levels`);
    const [token, mark, name, digits, single, double] = match();
    if (mark !== undefined && !(mark in CLOSING)) fail(`unexpected ${mark}`);
    if (name !== undefined && !CONSTANTS.has(name)) fail(`unexpected name ${name}`);
    position += token.length;
    if (mark !== undefined) return collection(mark as keyof typeof CLOSING, depth);
    if (name !== undefined) return CONSTANTS.get(name)!;
    if (digits !== undefined) return Number(digits);
    return single ?? double!;
  };
  const consume = (mark: string): void => {
    if (peek() !== mark) fail(`expected ${mark}`);
    position += match()[0].length;
  };
  const collection = (open: keyof typeof CLOSING, depth: number): PythonValue => {
    const close = CLOSING[open];
    const items: PythonValue[] = [];
    const entries = new Map<string, PythonValue>();
    let commas = 0;
    while (peek() !== close) {
      const item = value(depth + 1);
      if (open === "{") {
        if (typeof item !== "string" || entries.has(item)) return fail("a key that is repeated or no string");
        consume(":");
        entries.set(item, value(depth + 1));
      } else items.push(item);
      if (peek() === close) break;
      consume(",");
      commas++;
    }
    consume(close);
    if (open === "{") return entries;
    return open === "(" && items.length === 1 && commas === 0 ? items[0]! : items; // (5) is 5, (5,) a tuple
  };
  const result = value(0);
  if (/[^ \t\f\r\n]/.test(text.slice(position))) fail("text after the end");
  return result;
}
