// @ts-check
import { openEndpoint } from "../../dist/models/remote/endpoint.js";
import { tensor } from "../../dist/tensor.js";
import { mutateBytes, pick } from "../mutators/bytes.js";
import { mutateText } from "../mutators/text.js";

/** An input is the answers of a server: a status, a newline and a body each; the last is given again and again. */
const BETWEEN = "\n\n";
const answers = (/** @type {readonly object[]} */ bodies) =>
  bodies.map((body) => `200\n${JSON.stringify(body)}`).join(BETWEEN);
const METADATA = {
  name: "m",
  platform: "onnxruntime_onnx",
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, 1, 2] }],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 3] }],
};
const scores = (/** @type {number[]} */ shape, /** @type {unknown[]} */ data) => ({
  model_name: "m",
  outputs: [{ name: "logits", datatype: "FP32", shape, data }],
});
const FIXED = { ...METADATA, inputs: [{ name: "x", datatype: "FP32", shape: [2, 1, 2] }] };
const WORDS = [
  "[",
  "]",
  "{",
  "}",
  ",",
  "null",
  "NaN",
  "-Infinity",
  '"NaN"',
  '"FP64"',
  '"BYTES"',
  '"error"',
  '"shape"',
  '"data"',
  '"outputs"',
  '"inputs"',
  "[[1, 2, 3]]",
  "[]",
];
const STATUSES = [100, 200, 204, 301, 400, 404, 429, 500, 503];
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A server that answers these, and then the last for ever. @param {string} text @returns {typeof fetch} */
function serverOf(text) {
  const list = text.split(BETWEEN);
  return async () => {
    const [status = "", ...body] = (list.length > 1 ? list.shift() : list[0])?.split("\n") ?? [];
    const code = Number(status);
    const isBare = code === 204 || code === 205 || code === 304;
    return new Response(isBare ? null : body.join("\n"), { status: code >= 200 && code < 600 ? code : 200 });
  };
}

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "answers",
  seeds: [
    answers([METADATA, scores([1, 3], [1, 2, 3]), scores([2, 3], [1, 2, 3, 4, 5, 6])]),
    answers([
      FIXED,
      scores(
        [2, 3],
        [
          [0.2, 0.3, 0.5],
          [0.1, 0.1, 0.8],
        ],
      ),
    ]),
  ].map((text) => encoder.encode(text)),
  mutate(seed, random) {
    if (random.integer(4) === 0) return mutateBytes(seed, random);
    const text =
      random.integer(4) === 0
        ? decoder.decode(seed).replace("200", String(pick(STATUSES, random)))
        : decoder.decode(seed);
    return encoder.encode(mutateText(text, random, WORDS));
  },
  reads: [
    async (bytes) => {
      const model = await openEndpoint("http://localhost/v2/models/m", {
        retries: 1,
        backoff: { first: 0, limit: 0 },
        fetch: serverOf(decoder.decode(bytes)),
      });
      await model.logits(
        tensor("float32", [2, ...model.inputShape], new Float32Array(2 * model.inputShape.reduce((a, b) => a * b, 1))),
      );
    },
  ],
};
