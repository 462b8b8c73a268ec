import type { Tensor } from "./tensor.ts";

export type Device = "cpu" | "webgpu" | "cuda";

/** Who executes a graph. */
export interface Runtime {
  /** For the report: "onnxruntime-node 1.30.0". */
  readonly name: string;
  readonly device: Device;
  /**
   * Compiles a serialized ONNX model.
   * @param folder where the files lie in which the model keeps its weights, if it does
   * @param isBrief whether it runs but shortly: what only makes a graph faster after a long look at it may be left out
   * @throws runtime, with the runtime's own words; device
   */
  load(model: Uint8Array, folder?: string, isBrief?: boolean): Promise<Program>;
}

/** A compiled graph. */
export interface Program {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Feeds every input, gives the named outputs (all by default). @throws runtime */
  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}
