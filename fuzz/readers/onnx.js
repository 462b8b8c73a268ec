// @ts-check
import { readFileSync } from "node:fs";
import { rules } from "../../dist/autodiff/rules.js";
import { withGradient } from "../../dist/models/classifier/classifier.js";
import { selectEndpoints } from "../../dist/models/classifier/select.js";
import { graphIn, modelFrom } from "../../dist/models/open.js";
import { shapeRules } from "../../dist/onnx/shape-rules.js";
import { inferShapes } from "../../dist/onnx/shapes.js";
import { latin1 } from "../mutators/bytes.js";
import { mutateProtobuf } from "../mutators/protobuf.js";

const fixture = (/** @type {string} */ path) =>
  new Uint8Array(readFileSync(new URL(`../../test/fixtures/${path}`, import.meta.url)));
/** Small ones: loops and branches, trees and maps, attention, recurrence, quantized and other types. */
const NAMES = [
  "scripted",
  "sklearn_linear",
  "sklearn_network",
  "optimized-bert",
  "optimized-convolutions",
  "inception",
  "lstm",
  "keras",
  "quantized/dynamic",
  "quantized/fake",
  "quantized/operators",
  "quantized/pairs",
  "precision/bfloat16",
  "precision/float64_older",
  "precision/converted",
];
/** Operators, domains, and names at which a table fails that is no map. */
const WORDS = [
  ...new Set([...Object.keys(rules), ...Object.keys(shapeRules)]),
  "",
  "If",
  "Loop",
  "Scan",
  "ai.onnx.ml",
  "com.microsoft",
  "__proto__",
  "constructor",
  "x",
  "logits",
  "N",
  "axis",
  "perm",
  "to",
  "value",
].map(latin1);

/** Which of two outputs is asked for where a model of scikit-learn gives them. */
const PROBABILITIES = "probabilities";

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "onnx",
  seeds: NAMES.map((name) => fixture(`onnx/${name}.onnx`)),
  mutate: (seed, random) => mutateProtobuf(seed, random, WORDS),
  reads: [
    async (bytes) => {
      const opened = await graphIn(bytes, "x.onnx");
      inferShapes(opened.graph);
      const graph = opened.graph.outputs.some(({ name }) => name === PROBABILITIES)
        ? selectEndpoints(opened.graph, { output: PROBABILITIES })
        : opened.graph;
      withGradient(modelFrom({ ...opened, graph }, {}), "cross-entropy");
    },
  ],
};
