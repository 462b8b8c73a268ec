import { create } from "@bufbuild/protobuf";
import { ModelProtoSchema, StringStringEntryProtoSchema } from "onnx-buf";
import { NEW_IR_VERSION } from "./file.ts";
import type { Graph } from "./graph.ts";
import { altered } from "./subgraphs.ts";

/** What a file's `metadata_props` say under a key. */
export const metadataOf = ({ source }: Graph, key: string): string | undefined =>
  source?.metadataProps.find((entry) => entry.key === key)?.value;

/** The graph of a file whose `metadata_props` say this under a key; what they say under others stays. */
export function withMetadata(graph: Graph, key: string, value: string): Graph {
  const source = graph.source ?? create(ModelProtoSchema, { irVersion: NEW_IR_VERSION, producerName: "perturb" });
  const entry = create(StringStringEntryProtoSchema, { key, value });
  const metadataProps = [...source.metadataProps.filter((other) => other.key !== key), entry];
  return { ...graph, source: altered(source, { metadataProps }) };
}
