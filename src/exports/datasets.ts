/**
 * Data sets from arrays and from bytes, wherever they come from: IDX, .npy and .npz. Folders and paths are in "perturb/node".
 * @module
 */
export { type Batch, type BatchOptions, batchRanges, type Dataset } from "../dataset.ts";
export { type ArraySetOptions, type NpyOptions, type NpzOptions, openNpy, openNpz } from "../datasets/arrays.ts";
export { type IdxOptions, openIdx } from "../datasets/idx.ts";
export {
  type ArraysOptions,
  type ClassArrays,
  datasetOf,
  type LabelSetArrays,
  type SampleArrays,
} from "../datasets/in-memory.ts";
export { datasets } from "../datasets/index.ts";
export {
  defineDataset,
  type KnownDataset,
  type KnownFile,
  openKnown,
  type Place,
  type Split,
} from "../datasets/known.ts";
export { readNpy, writeNpy } from "../datasets/npy.ts";
export { readNpz, writeNpz } from "../datasets/npz.ts";
export { type ArraySpec, type ByteSink, createNpz, type NpzStream } from "../datasets/npz-stream.ts";
