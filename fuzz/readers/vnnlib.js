// @ts-check
import { readVnnlib } from "../../dist/certify/vnnlib/read.js";
import { mutateBytes } from "../mutators/bytes.js";
import { mutateText } from "../mutators/text.js";

const FIRST = `; Two inputs, two outputs.
(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(assert (>= X_0 -0.5))
(assert (<= X_0 0.5))
(assert (>= X_1 0))
(assert (<= X_1 1e-1))
(assert (or (and (<= Y_0 Y_1)) (and (>= Y_0 3.5) (<= (+ Y_1 (* 2 Y_0)) 1))))
`;
const SECOND = `(vnnlib-version <2.0>)
(declare-network N
  (declare-input X float32 [1, 2])
  (declare-output Y float32 [1, 2])
)
(assert (and (>= X[0,0] 0) (<= X[0,0] 1) (>= X[0,1] 0.0) (<= X[0,1] 1)))
(assert (or (<= Y[0,0] Y[0,1]) (> Y[0,0] 2)))
`;
const WORDS = [
  "(",
  ")",
  "[",
  "]",
  "assert",
  "and",
  "or",
  "not",
  "+",
  "-",
  "*",
  "<=",
  ">=",
  "<",
  "==",
  "declare-const",
  "declare-input",
  "declare-hidden",
  "Real",
  "float16",
  "X_0",
  "X_99999999",
  "Y_1",
  "X[0,1]",
  ";",
];
const encoder = new TextEncoder();

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "vnnlib",
  seeds: [FIRST, SECOND].map((text) => encoder.encode(text)),
  mutate: (seed, random) =>
    random.integer(4) === 0
      ? mutateBytes(seed, random)
      : encoder.encode(mutateText(new TextDecoder().decode(seed), random, WORDS)),
  reads: [(bytes) => readVnnlib(new TextDecoder().decode(bytes))],
};
