// @ts-check
import { bytesSource } from "../../dist/dataset.js";
import { openNpz } from "../../dist/datasets/arrays.js";
import { readNpz, writeNpz } from "../../dist/datasets/npz.js";
import { tensor } from "../../dist/tensor.js";
import { mutateZip } from "../mutators/zip.js";
import { drain, mutateNpy } from "./npy.js";

const arrays = {
  x: tensor(
    "float32",
    [2, 1, 2, 3],
    Float32Array.from({ length: 12 }, (_, i) => i / 12),
  ),
  y: tensor("int64", [2], BigInt64Array.of(0n, 1n)),
};

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "npz",
  seeds: [writeNpz(arrays), writeNpz(arrays, { compress: true })],
  mutate: (seed, random) => mutateZip(seed, random, (content) => mutateNpy(content, random)),
  reads: [
    (bytes) => readNpz(bytes, "x.npz"),
    async (bytes) => drain(await openNpz({ name: "x", source: bytesSource("x.npz", bytes) })),
  ],
};
