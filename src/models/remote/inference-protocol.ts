import { PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import { type FloatTensor, product } from "../../tensor.ts";

// The Open Inference Protocol, version 2, over REST: https://github.com/kserve/open-inference-protocol

/** What a server says of a model's one input, and of the output that is read. */
export interface Signature {
  readonly input: string;
  readonly datatype: string;
  /** Shape of one sample; null where a size is open, or where nothing is said. */
  readonly shape: readonly (number | null)[] | null;
  /** The batch size that the model fixes, or null when any will do. */
  readonly batch: number | null;
  /** Undefined where nothing is said: then an answer must have one output. */
  readonly output: string | undefined;
}

/** Types whose every value JSON numbers can carry from pixels without rounding. */
const DATATYPES: readonly unknown[] = ["FP32", "FP64"];

interface Described {
  readonly name: string;
  readonly datatype?: unknown;
  readonly shape?: unknown;
}

/**
 * Reads a model's metadata: `server` is the address, for messages. @throws mismatch for what is no metadata; usage where an
 * output must be chosen; unsupported for several inputs, or one that does not take real numbers
 */
export function readMetadata(
  server: string,
  metadata: unknown,
  wanted: { readonly input?: string | undefined; readonly output?: string | undefined },
): Signature {
  const inputs = described(metadata, "inputs");
  if (inputs === undefined || inputs.length === 0)
    throw new PerturbError(
      "mismatch",
      `${server} does not describe its inputs as a model of the Open Inference Protocol does. Check the address, or give the names of input and output and the shape of a sample.`,
    );
  const input = chosen(server, "input", inputs, wanted.input)!;
  if (inputs.length > 1)
    throw new PerturbError(
      "unsupported",
      `The model at ${server} has ${inputs.length} inputs (${namesOf(inputs)}), and only models with one input can be used.`,
    );
  const { datatype = "FP32" } = input;
  if (!DATATYPES.includes(datatype))
    throw new PerturbError(
      "unsupported",
      `The input ${quote(input.name)} of ${server} takes ${quote(String(datatype))}; samples are sent as ${DATATYPES.join(" or ")}. Serve the model with such an input.`,
    );
  const output = chosen(server, "output", described(metadata, "outputs") ?? [], wanted.output);
  const dims = isShape(input.shape) ? input.shape.map((size) => (size < 0 ? null : size)) : null;
  if (dims?.[0] === 0)
    throw new PerturbError(
      "mismatch",
      `The input ${quote(input.name)} of ${server} takes batches of 0 samples, by its shape [${input.shape}]. Its server is at fault: the first size is that of the batch, or -1.`,
    );
  return {
    input: input.name,
    datatype: datatype as string,
    shape: dims?.slice(1) ?? null,
    batch: dims?.[0] ?? null,
    output: output?.name ?? wanted.output,
  };
}

/** The body of a request for the scores of samples. */
export function inferenceRequest(x: FloatTensor, { input, datatype, output }: Signature): string {
  return JSON.stringify({
    inputs: [{ name: input, shape: x.dims, datatype, data: Array.from(x.data) }],
    ...(output !== undefined && { outputs: [{ name: output }] }),
  });
}

/** Bytes that one number of an answer may take, with its commas and spaces, and those around all of them. */
const BYTES = { each: 64, around: 65_536 };

/** Bytes that an answer of so many scores may have. */
export const answerBytes = (scores: number): number => BYTES.each * scores + BYTES.around;

/**
 * The scores [n, classes] in an answer; `classes` undefined takes any number from 2. Sizes of 1 may follow, and data may be
 * flat or nested. null and the strings that stand for numbers JSON lacks are taken for what they mean. @throws mismatch
 */
export function readScores(
  server: string,
  answer: unknown,
  n: number,
  { classes, output }: { readonly classes?: number | undefined; readonly output?: string | undefined },
): FloatTensor {
  const outputs = described(answer, "outputs");
  if (outputs === undefined || outputs.length === 0)
    throw new PerturbError(
      "mismatch",
      `${server} answered no outputs. Check that it speaks the Open Inference Protocol.`,
    );
  const found = chosen(server, "output", outputs, output)!;
  const { shape } = found;
  const fits =
    isShape(shape) &&
    shape.length >= 2 &&
    shape[0] === n &&
    (classes === undefined ? shape[1]! >= 2 : shape[1] === classes) &&
    shape.slice(2).every((size) => size === 1);
  if (!fits)
    throw new PerturbError(
      "mismatch",
      `The output ${quote(found.name)} of ${server} has the shape ${quote(JSON.stringify(shape) ?? "none")}; allowed is [${n},${classes ?? "at least 2"}], a score for each sample and class. Choose another output, or check the number of classes.`,
      { data: { url: server, allowed: [n, classes], got: shape } },
    );
  const { data } = found as { readonly data?: unknown };
  const flat = flatOf(data, shape.length);
  if (flat.length !== product(shape))
    throw new PerturbError(
      "mismatch",
      `The output ${quote(found.name)} of ${server} has ${flat.length} values for the shape [${shape}]. Its server is at fault.`,
    );
  const scores = new Float32Array(flat.length);
  for (let i = 0; i < flat.length; i++) scores[i] = scoreOf(flat[i]) ?? fail(server, found.name, flat[i]);
  return { type: "float32", dims: [n, shape[1]!], data: scores };
}

/** `flat` copies what is flat already, slowly. */
function flatOf(data: unknown, depth: number): readonly unknown[] {
  if (!Array.isArray(data)) return [];
  return data.some(Array.isArray) ? data.flat(depth) : data;
}

const SPECIAL: Readonly<Record<string, number>> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
  infinity: Number.POSITIVE_INFINITY,
  "-infinity": Number.NEGATIVE_INFINITY,
};

function scoreOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  // What JSON writers make of NaN that do not refuse it.
  if (value === null) return Number.NaN;
  if (typeof value !== "string") return undefined;
  const word = value.toLowerCase();
  return Object.hasOwn(SPECIAL, word) ? SPECIAL[word] : undefined;
}

function fail(server: string, output: string, value: unknown): never {
  const got = quote(typeof value === "string" ? value : JSON.stringify(value));
  throw new PerturbError(
    "mismatch",
    `The output ${quote(output)} of ${server} holds ${got}, which is no number. Choose an output of scores.`,
  );
}

/** The tensors in a list of an answer, as far as they have names. */
function described(answer: unknown, key: "inputs" | "outputs"): readonly Described[] | undefined {
  const list = (answer as Record<string, unknown> | null)?.[key];
  if (!Array.isArray(list)) return undefined;
  return list.filter((entry): entry is Described => typeof (entry as Described | null)?.name === "string");
}

/** The one of this name, or the only one; undefined where there is none to choose from. */
function chosen(
  server: string,
  kind: "input" | "output",
  list: readonly Described[],
  name: string | undefined,
): Described | undefined {
  if (list.length === 0) return undefined;
  const found = name === undefined ? list : list.filter((entry) => entry.name === name);
  if (found.length === 1) return found[0];
  throw new PerturbError(
    "usage",
    name === undefined
      ? `The model at ${server} has ${list.length} ${kind}s: ${namesOf(list)}. Name the one to use.`
      : `The model at ${server} has no ${kind} named ${quote(name)}. It has ${namesOf(list)}.`,
  );
}

const namesOf = (list: readonly Described[]): string => {
  const names = list.slice(0, 10).map(({ name }) => quote(name));
  return list.length > 10 ? `${names.join(", ")}, …` : names.join(", ");
};

const isShape = (shape: unknown): shape is readonly number[] =>
  Array.isArray(shape) && shape.length > 0 && shape.length <= 32 && shape.every((size) => Number.isSafeInteger(size));
