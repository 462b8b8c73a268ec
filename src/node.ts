/**
 * What needs Node: files by path, the native runtime, worker threads, reports on disk.
 * @module
 */
export { fileSource, folderOpen } from "./datasets/files.node.ts";
export { type OneImage, readImage } from "./datasets/image.node.ts";
export { type ImageFolderOptions, openImageFolder } from "./datasets/image-folder.node.ts";
export { type LocateOptions, openDataset } from "./datasets/locate.node.ts";
export { startPool, type WorkerPool, type WorkerSetup } from "./evaluate/pool.node.ts";
export { bundledModels, type OpenModelOptions, openModel } from "./models/open.node.ts";
export { openSamples, type SampleSpool, type SampleWriter, samplesIn, spoolSamples } from "./report/samples.node.ts";
export { REPORT_FILES, type WriteOptions, writeReport } from "./report/write.node.ts";
export { nodeRuntime } from "./runtime/ort.node.ts";
