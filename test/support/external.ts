import { create } from "@bufbuild/protobuf";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { changed } from "./onnx.ts";

/** A model as exporters save large ones: its tensors moved to one file, `location`, in their order. */
export function withExternalData(bytes: Uint8Array, location: string): { onnx: Uint8Array; data: Uint8Array } {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const onnx = changed(bytes, ({ graph }) => {
    for (const t of graph!.initializer) {
      const length = t.rawData.length;
      const place = { location, offset, length };
      t.externalData = Object.entries(place).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value: String(value) }),
      );
      t.dataLocation = TensorProto_DataLocation.EXTERNAL;
      parts.push(t.rawData);
      offset += length;
      t.rawData = new Uint8Array();
    }
  });
  return { onnx, data: new Uint8Array(Buffer.concat(parts)) };
}
