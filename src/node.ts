/**
 * What needs Node: files by path, the native runtime, worker threads, reports on disk.
 * @module
 */
export { type ClassList, parseClassList } from "./datasets/class-list.ts";
export { fileSource, folderOpen } from "./datasets/files.node.ts";
export { type ImageOptions, type OneImage, type OpenShape, readImage } from "./datasets/image.node.ts";
export { type ImageFolderOptions, openImageFolder } from "./datasets/image-folder.node.ts";
export { type LocateOptions, openDataset } from "./datasets/locate.node.ts";
export type { OwnSize } from "./datasets/own-size.node.ts";
export { type ThreadOptions, type Threads, threads } from "./evaluate/places/threads.node.ts";
export { type QueueOptions, queue } from "./evaluate/queue/queue.node.ts";
export { type ServeOptions, serve } from "./evaluate/queue/serve.node.ts";
export { type FolderStateOptions, folderState } from "./evaluate/state/folder.node.ts";
export { shardStates } from "./evaluate/state/shards.node.ts";
export { bundledModels } from "./models/bundled.ts";
export { type IsolateOption, openModel } from "./models/open.node.ts";
export type { OpenModelOptions } from "./models/open.ts";
export {
  openSamples,
  type SampleSpool,
  type SampleWriter,
  samplesIn,
  spoolSamples,
} from "./report/files/samples.node.ts";
export { REPORT_FILES, type ReportFile, type WriteOptions, writeReport } from "./report/files/write.node.ts";
export { nodeRuntime } from "./runtime/ort.node.ts";
