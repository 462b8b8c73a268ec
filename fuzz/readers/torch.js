// @ts-check
import { readFileSync } from "node:fs";
import { readWeights } from "../../dist/models/formats/weights.js";
import { isZip } from "../../dist/zip.js";
import { mutateBytes, pick } from "../mutators/bytes.js";
import { mutatePickle, pickleStarts } from "../mutators/pickle.js";
import { mutateZip } from "../mutators/zip.js";

const seeds = ["dtypes_zip", "views_zip", "dtypes_legacy", "views_legacy"].map(
  (name) => new Uint8Array(readFileSync(new URL(`../../test/fixtures/pytorch/${name}.pth`, import.meta.url))),
);
/** Of the legacy format: a magic number, its version, facts of the machine, the weights' pickle, the storages' names. */
const PICKLES = 5;

/** @type {import("../reader.js").Reader} */
export const reader = {
  extension: "pth",
  seeds,
  mutate: (seed, random) =>
    isZip(seed)
      ? mutateZip(seed, random, (content, name) =>
          name.endsWith(".pkl") ? mutatePickle(content, random) : mutateBytes(content, random),
        )
      : mutatePickle(seed, random, pick(pickleStarts(seed, PICKLES), random)),
  reads: [(bytes) => readWeights(bytes, "x.pth")],
};
