import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { changed } from "./onnx.ts";

/** A model as exporters save large ones: its tensors moved to one file, `location`, in their order. */
export function withExternalData(bytes: Uint8Array, location: string): { onnx: Uint8Array; data: Uint8Array } {
  const { onnx, files } = withDataFiles(bytes, () => location);
  return { onnx, data: files.get(location)! };
}

/** The same with a file for each tensor, or for some of them: tensors of one lie there in their order, with `gap` bytes of 0xee before each. */
export function withDataFiles(
  bytes: Uint8Array,
  locationOf: (tensor: string) => string,
  gap = 0,
): { onnx: Uint8Array; files: Map<string, Uint8Array> } {
  const files = new Map<string, Uint8Array>();
  const onnx = changed(bytes, ({ graph }) => {
    for (const t of graph!.initializer) {
      const location = locationOf(t.name);
      const data = Buffer.concat([files.get(location) ?? new Uint8Array(), new Uint8Array(gap).fill(0xee), t.rawData]);
      files.set(location, new Uint8Array(data));
      const length = t.rawData.length;
      t.externalData = Object.entries({ location, offset: data.length - length, length }).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      );
      t.dataLocation = TensorProto_DataLocation.EXTERNAL;
      t.rawData = new Uint8Array();
    }
  });
  return { onnx, files };
}
