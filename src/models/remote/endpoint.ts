import { MAX_CLASSES } from "../../classes.ts";
import { PerturbError } from "../../errors.ts";
import type { Bounds, Head, Model } from "../../model.ts";
import { option } from "../../option.ts";
import { type FloatTensor, product, takeRows } from "../../tensor.ts";
import { callbackModel } from "../callback.ts";
import { isDistribution } from "../distribution.ts";
import { type AskJson, type HttpOptions, jsonClient, nameOf } from "./http.ts";
import { answerBytes, inferenceRequest, readMetadata, readScores, type Signature } from "./inference-protocol.ts";

export interface EndpointOptions extends HttpOptions {
  /** By default the model's name in the address. */
  readonly name?: string;
  /** Shape of one sample; needed where the server leaves sizes open or does not say. */
  readonly inputShape?: readonly number[] | undefined;
  /** By default as many as the server answers scores. */
  readonly classes?: number | undefined;
  /** The name of the input; with `output` and `inputShape` the server is not asked for its metadata. */
  readonly input?: string | undefined;
  /** The name of the output, where there are several. */
  readonly output?: string | undefined;
  /** By default [0, 1]. */
  readonly bounds?: Bounds;
  /** What the scores are; by default told by asking once, as probabilities sum to 1. */
  readonly head?: Head | undefined;
  /** Most samples a request; by default up to 256, as many as make a million values. Never more than answer a million scores. */
  readonly batch?: number | undefined;
}

/** A model behind an address. */
export interface EndpointModel extends Model {
  /** The address, without what may be secret in it. */
  readonly url: string;
}

const METADATA_BYTES = 2 ** 20;
/** Of the first answer, whose number of classes may not be known. */
const FIRST_BYTES = 2 ** 22;
/** Values sent, or scores asked for, at a time, unless one sample has more. */
const VALUES = 1_000_000;
/** Values of one request that a server may make us send by the shape it names. */
const MOST_VALUES = 2 ** 24;
/** Scores of one answer of a model that fixes its batch: their text is held as a whole. */
const MOST_SCORES = 2 ** 22;

/**
 * Opens a model that a server offers by the Open Inference Protocol, version 2 (KServe, Triton, MLServer, OpenVINO): for the
 * attacks that need no gradients. It is asked once for what it takes, and once for the scores of one sample, which tells how
 * many classes there are and whether scores are probabilities.
 * @param address as http://host:port/v2/models/NAME
 * @throws usage for an address or options that cannot be, and for what the server refuses; not-found; mismatch for answers
 * that do not fit; unsupported for other inputs than one of real numbers; unreachable for a server that does not answer,
 * however often it is asked; cancelled. The model throws the same.
 */
export async function openEndpoint(address: string | URL, options: EndpointOptions = {}): Promise<EndpointModel> {
  const url = addressOf(address);
  const ask = jsonClient(options);
  const { batch, bounds = { lower: 0, upper: 1 }, head } = options;
  if (batch !== undefined && !(Number.isInteger(batch) && batch >= 1))
    throw new PerturbError("usage", `The batch of an endpoint is a whole number from 1, got ${batch}.`);
  const signature = await signatureOf(url, ask, options);
  const inputShape = shapeOf(nameOf(url), signature, options.inputShape);
  const size = product(inputShape);
  const rows = signature.batch ?? batch ?? Math.max(1, Math.min(256, Math.floor(VALUES / size)));
  if (options.classes !== undefined) checkClasses(nameOf(url), options.classes, signature.batch);
  const scoresOf = askScores(url, ask, signature, rows);

  const probe = new Float32Array(size).fill((bounds.lower + bounds.upper) / 2);
  const first = await scoresOf({ type: "float32", dims: [1, ...inputShape], data: probe }, options.classes);
  const classes = first.dims[1]!;
  const model = callbackModel({
    name: options.name ?? modelName(url),
    inputShape,
    classes,
    bounds,
    head: headOf(nameOf(url), first.data, head),
    ask: (x) => scoresOf(x, classes),
  });
  return { ...model, url: nameOf(url), runtime: { name: "Open Inference Protocol 2", device: nameOf(url) } };
}

/** The model's address, without what is asked of it. @throws usage */
function addressOf(address: string | URL): URL {
  const url = URL.canParse(String(address)) ? new URL(address) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol))
    throw new PerturbError(
      "usage",
      `"${address}" is no address of a model. Give one like http://host:port/v2/models/NAME.`,
    );
  if (url.username !== "" || url.password !== "")
    throw new PerturbError("usage", "An endpoint's address holds no name and password. Give the header Authorization.");
  url.pathname = url.pathname.replace(/\/+$/, "").replace(/\/infer$/, "");
  url.hash = "";
  return url;
}

/** What stands behind "models" in the path, or all of it. */
function modelName({ host, pathname }: URL): string {
  return /\/models\/(.+)$/.exec(pathname)?.[1] ?? `${host}${pathname}`;
}

async function signatureOf(url: URL, ask: AskJson, { input, output, inputShape }: EndpointOptions): Promise<Signature> {
  if (input !== undefined && output !== undefined && inputShape)
    return { input, datatype: "FP32", shape: null, batch: null, output };
  return readMetadata(nameOf(url), await ask(url, { most: METADATA_BYTES }), { input, output });
}

/** The shape of a sample, by the server and by the options. @throws usage, mismatch, unsupported */
function shapeOf(server: string, { shape, batch }: Signature, given: readonly number[] | undefined): readonly number[] {
  const sizes = given ?? shape;
  if (!sizes || sizes.includes(null))
    throw new PerturbError(
      "usage",
      `The model at ${server} ${shape ? `takes samples of shape [${shape.map((s) => s ?? "?")}]` : "does not say what shape its samples have"}. Give the shape of a sample.`,
    );
  const fixed = sizes as readonly number[];
  if (shape && !(shape.length === fixed.length && shape.every((s, i) => s === null || s === fixed[i])))
    throw new PerturbError(
      "mismatch",
      `The model at ${server} takes samples of shape [${shape.map((s) => s ?? "?")}], got [${fixed}]. Give that shape.`,
    );
  if (fixed.length === 0 || !fixed.every((size) => Number.isInteger(size) && size > 0))
    throw new PerturbError("usage", `The shape of a sample is a list of whole numbers from 1, got [${fixed}].`);
  const values = product(fixed) * (batch ?? 1);
  if (values > MOST_VALUES)
    throw new PerturbError(
      "unsupported",
      `The model at ${server} takes ${values} values at a time (${batch ?? 1} samples of [${fixed}]); at most ${MOST_VALUES} are sent.`,
    );
  return fixed;
}

type AskScores = (x: FloatTensor, classes: number | undefined) => Promise<FloatTensor>;

/**
 * Asks for scores [n, classes] in pieces of at most `most`, and of no more than make an answer that can be held; the last one
 * is filled up where the model fixes the batch.
 */
function askScores(url: URL, ask: AskJson, signature: Signature, most: number): AskScores {
  const infer = new URL(url);
  infer.pathname += "/infer";
  const rowsOf = (classes: number): number => Math.min(most, Math.max(1, Math.floor(VALUES / classes)));
  return async (x, classes) => {
    const n = x.dims[0]!;
    let scores: Float32Array<ArrayBuffer> | undefined;
    let width = classes;
    for (let start = 0, count: number; start < n; start += count) {
      count = Math.min(n - start, width === undefined ? most : rowsOf(width));
      const length = signature.batch ?? count;
      const piece = takeRows(
        x,
        Array.from({ length }, (_, i) => (i < count ? start + i : start)),
      );
      const bytes = width === undefined ? FIRST_BYTES : answerBytes(length * width);
      const answer = await ask(infer, { body: inferenceRequest(piece, signature), most: bytes });
      const part = readScores(nameOf(infer), answer, length, { classes: width, output: signature.output });
      width = part.dims[1]!;
      checkClasses(nameOf(url), width, signature.batch);
      scores ??= new Float32Array(n * width);
      scores.set(part.data.subarray(0, count * width), start * width);
    }
    return { type: "float32", dims: [n, width ?? 0], data: scores ?? new Float32Array(0) };
  };
}

/** @throws mismatch, unsupported for more than can be handled */
function checkClasses(server: string, classes: number, batch: number | null): void {
  if (classes > MAX_CLASSES)
    throw new PerturbError(
      "mismatch",
      `The model at ${server} has ${classes} classes, of ${MAX_CLASSES} allowed. Choose another output, or check the order of its sizes: [batch, classes].`,
    );
  if (classes * (batch ?? 1) > MOST_SCORES)
    throw new PerturbError(
      "unsupported",
      `The model at ${server} answers ${classes * batch!} scores at a time (${batch} samples of ${classes} classes); at most ${MOST_SCORES} are read. Serve it with a smaller batch.`,
    );
}

/** What the scores of one sample are. @throws usage for one score, of which nothing tells whether it is a logit */
function headOf(server: string, scores: Float32Array, said: Head | undefined): Head {
  if (scores.length > 1) return said ?? (isDistribution(scores) ? "hidden" : "logits");
  if (said === "sigmoid" || said === "binary-sigmoid") return "binary-sigmoid";
  if (said === "logits" || said === "binary") return "binary";
  throw new PerturbError(
    "usage",
    `The model at ${server} gives one score for each sample. Say whether it is the probability of class 1 (${option("head", "sigmoid")}) or its logit (${option("head", "logits")}).`,
  );
}
