/**
 * What needs Node: files by path, the native runtime, worker threads, reports on disk.
 * @module
 */
export { fileSource, folderOpen } from "./datasets/files.node.ts";
export { type OneImage, readImage } from "./datasets/image.node.ts";
export { type ImageFolderOptions, openImageFolder } from "./datasets/image-folder.node.ts";
export { type LocateOptions, openDataset } from "./datasets/locate.node.ts";
export { startPool, type WorkerSetup } from "./evaluate/pool.node.ts";
export type { WorkerPool } from "./evaluate/pool.ts";
export { bundledModels } from "./models/bundled.ts";
export { openModel } from "./models/open.node.ts";
export type { OpenModelOptions } from "./models/open.ts";
export { openSamples, type SampleSpool, type SampleWriter, samplesIn, spoolSamples } from "./report/samples.node.ts";
export { REPORT_FILES, type WriteOptions, writeReport } from "./report/write.node.ts";
export { nodeRuntime } from "./runtime/ort.node.ts";
