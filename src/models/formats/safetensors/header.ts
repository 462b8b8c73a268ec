import { quote } from "../../../quote.ts";
import { ByteReader } from "../binary.ts";

/** Bytes of a header: those of some 40,000 tensors. The format allows 100 MB, which JSON makes into 5 GB of objects. */
export const MAX_HEADER_BYTES = 2 ** 22;

/**
 * The JSON header of a safetensors file and the byte behind it. A name that comes twice is refused, where `JSON.parse`
 * would keep the last.
 * @throws invalid-file
 */
export function readHeader(
  bytes: Uint8Array,
  file: string,
): { header: ReadonlyMap<string, unknown>; dataStart: number } {
  const reader = new ByteReader(file, bytes);
  const length = reader.u64();
  if (length > MAX_HEADER_BYTES)
    throw reader.error(`a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are read.`, 0);
  const text = reader.text(length);
  if (!text.startsWith("{")) throw reader.error("the header does not begin with {.", 8);
  const header = parse(text, reader);
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw reader.error(`the header has the key ${quote(duplicate)} twice.`, 8);
  return { header: new Map(Object.entries(header)), dataStart: reader.position };
}

function parse(text: string, reader: ByteReader): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    throw reader.error("the header is no JSON.", 8);
  }
}

/** The first key that an object of this valid JSON has twice. */
function duplicateKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c === "{") open.push(new Set());
    else if (c === "[") open.push(undefined);
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const start = i;
      while (json[++i] !== '"') if (json[i] === "\\") i++;
      if (!isKey(json, i + 1)) continue;
      const keys = open.at(-1)!;
      const key = JSON.parse(json.slice(start, i + 1)) as string;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

/** Whether the string that ended before `at` is followed by a colon. */
function isKey(json: string, at: number): boolean {
  let next = at;
  while (" \t\n\r".includes(json[next] ?? ":")) next++;
  return json[next] === ":";
}
