import { bytesSource, type Dataset } from "../../../src/dataset.ts";
import { openNpz } from "../../../src/datasets/arrays.ts";
import { bytesOf } from "./bytes.ts";

/** A .npz file of one's own: x and y. */
export const openNpzFile = async (file: File): Promise<Dataset> =>
  openNpz({ name: file.name, source: bytesSource(file.name, await bytesOf(file)) });
