import type { GraphModel } from "../../../src/models/classifier/graph-model.ts";
import type { ModelOptions } from "../../../src/models/open.ts";
import type { ModelInfo } from "../engine.ts";

export interface OpenedModel {
  readonly model: GraphModel;
  readonly info: ModelInfo;
  /** The file that it was opened from, for what trains it. */
  readonly source: () => Promise<ModelSource>;
}

export interface ModelSource {
  /** An ONNX file. */
  readonly bytes: Uint8Array;
  readonly options: Pick<ModelOptions, "shape" | "normalization">;
}

/** What the page knows of an open model of one's own. */
export function modelInfoOf(
  { file, runtime }: GraphModel,
  rest: Pick<ModelInfo, "inspection" | "sizesOpen" | "options" | "device">,
): ModelInfo {
  const { name, sha256 = "", inputShape, classes, head, bounds, parameters } = file;
  return {
    id: crypto.randomUUID(),
    name,
    bundled: null,
    sha256,
    inputShape,
    classes,
    classNames: null,
    head,
    bounds,
    parameters,
    runtime: runtime.name,
    notes: (file.notes ?? []).map(({ message }) => message),
    ...rest,
  };
}
