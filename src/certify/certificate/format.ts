import { PerturbError } from "../../errors.ts";
import { decodeFloats, decodePlaces, encode } from "./arrays.ts";
import { brokenLine, type Certificate, type Claims, type Heading, type Leaf } from "./certificate.ts";
import type { Layers } from "./layers.ts";

/** What the first line of a file of certificates says that it is. The number rises when an older reader would misread a file. */
export const FORMAT = "perturb-certificates";
export const VERSION = 1;

/** Characters of one line: more than any network that can be checked needs. */
export const LONGEST_LINE = 2 ** 27;

/** The first line of a file; each certificate is one more. */
export const headingLine = (heading: Heading): string =>
  JSON.stringify({ format: FORMAT, version: VERSION, ...heading });

export function certificateLine({ sample, label, lower, upper, margins, claims, leaves }: Certificate): string {
  return JSON.stringify({
    ...(sample !== undefined && { sample }),
    label,
    lower: encode(lower),
    upper: encode(upper),
    margins,
    claims: claims.map(({ elements, slopes, ...ends }) => ({
      elements: encode(elements),
      lower: encode(ends.lower),
      upper: encode(ends.upper),
      ...(slopes && { slopes: { lower: encode(slopes.lower), upper: encode(slopes.upper) } }),
    })),
    ...(leaves && {
      leaves: leaves.map((of) =>
        of.map(({ positive, negative, pushes, slopes }) => ({
          positive: encode(positive),
          negative: encode(negative),
          pushes: encode(pushes),
          slopes: encode(slopes),
        })),
      ),
    }),
  });
}

/** @throws invalid-file, unsupported for a newer version */
export function readHeading(line: string): Heading {
  const given = fieldsOf(line, 1, ["format", "version", "model", "classifier", "shape", "classes"]);
  if (given["format"] !== FORMAT) throw brokenLine(1, `its format is not "${FORMAT}"`);
  if (given["version"] !== VERSION)
    throw new PerturbError(
      "unsupported",
      `The certificates are of version ${String(given["version"])}, and this reads ${VERSION}.`,
    );
  const { model, classifier, shape, classes } = given;
  if (!isHash(model) || !isHash(classifier)) throw brokenLine(1, "a SHA-256 of 64 hex digits is missing");
  if (!Array.isArray(shape) || shape.length > 8 || !shape.every(isCount))
    throw brokenLine(1, "its shape is no list of sizes");
  if (!isCount(classes)) throw brokenLine(1, "its number of classes is none");
  return { model, classifier, shape, classes };
}

/**
 * The certificate of a line, counted from 1. Arrays are decoded only where they are as long as the network is large.
 * @throws invalid-file
 */
export function readCertificate(line: string, number: number, network: Layers): Certificate {
  const { sample, label, lower, upper, margins, claims, leaves } = fieldsOf(
    line,
    number,
    ["label", "lower", "upper", "margins", "claims"],
    ["sample", "leaves"],
  );
  if (!isPlace(label) || (sample !== undefined && !isPlace(sample)))
    throw brokenLine(number, "a label or sample is no whole number");
  if (!Array.isArray(margins) || margins.length >= network.classes || !margins.every(isNumber))
    throw brokenLine(number, `its margins are no list of ${network.classes - 1} numbers`);
  if (!Array.isArray(claims) || claims.length > network.layers.length)
    throw brokenLine(number, "its claims are no list, or too many");
  const read = claims.map((each) => readClaims(each, number, network));
  return {
    ...(sample !== undefined && { sample }),
    label,
    lower: decodeFloats(lower, network.inputs, number),
    upper: decodeFloats(upper, network.inputs, number),
    margins,
    claims: read,
    ...(leaves !== undefined && { leaves: readLeaves(leaves, number, network, read) }),
  };
}

function readLeaves(given: unknown, line: number, { classes }: Layers, claims: readonly Claims[]): Leaf[][] {
  if (!isList(given) || given.length >= classes || !given.every(isList))
    throw brokenLine(line, "its leaves are no list of lists");
  const count = claims.reduce((n, { elements }) => n + elements.length, 0);
  return given.map((of) =>
    of.map((each) => {
      const leaf = fields(each, line, ["positive", "negative", "pushes", "slopes"]);
      const [positive, negative] = [
        decodePlaces(leaf["positive"], count, line),
        decodePlaces(leaf["negative"], count, line),
      ];
      return {
        positive,
        negative,
        pushes: decodeFloats(leaf["pushes"], positive.length + negative.length, line),
        slopes: decodeFloats(leaf["slopes"], count, line),
      };
    }),
  );
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

function readClaims(given: unknown, line: number, { layers, inputs }: Layers): Claims {
  const { elements: places, lower, upper, slopes } = fields(given, line, ["elements", "lower", "upper"], ["slopes"]);
  const elements = decodePlaces(places, Math.max(inputs, ...layers.map(({ size }) => size)), line);
  const floats = (text: unknown): Float32Array => decodeFloats(text, elements.length, line);
  const lines = slopes === undefined ? undefined : fields(slopes, line, ["lower", "upper"]);
  return {
    elements,
    lower: floats(lower),
    upper: floats(upper),
    ...(lines && { slopes: { lower: floats(lines["lower"]), upper: floats(lines["upper"]) } }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(line: string, number: number, needed: readonly string[], optional: readonly string[] = []): Fields {
  if (line.length > LONGEST_LINE)
    throw brokenLine(number, `it has ${line.length} characters, and ${LONGEST_LINE} are allowed`);
  let given: unknown;
  try {
    given = JSON.parse(line);
  } catch (cause) {
    throw brokenLine(number, "it is no JSON", cause);
  }
  return fields(given, number, needed, optional);
}

/** @throws invalid-file unless a value is an object of these fields and no others */
function fields(given: unknown, line: number, needed: readonly string[], optional: readonly string[] = []): Fields {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw brokenLine(line, "an object is expected");
  const missing = needed.find((name) => !Object.hasOwn(given, name));
  if (missing !== undefined) throw brokenLine(line, `"${missing}" is missing`);
  const strange = Object.keys(given).find((name) => !needed.includes(name) && !optional.includes(name));
  if (strange !== undefined) throw brokenLine(line, `"${strange.slice(0, 40)}" is no field of it`);
  return given as Fields;
}

const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
const isPlace = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isCount = (value: unknown): value is number => isPlace(value) && value > 0;
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
