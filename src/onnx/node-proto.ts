import { create } from "@bufbuild/protobuf";
import { type NodeProto, NodeProtoSchema } from "onnx-buf";
import { Attributes } from "./attributes.ts";
import type { Node } from "./graph.ts";

/** "" for the standard domain, which has two names. */
export const standardDomain = (domain: string): string => (domain === "ai.onnx" ? "" : domain);

export const readNode = (proto: NodeProto): Node => ({
  op: proto.opType,
  domain: standardDomain(proto.domain),
  name: proto.name,
  inputs: proto.input,
  outputs: proto.output,
  attributes: new Attributes(proto.attribute),
  proto,
});

/** A node that came from a file is written as it stood there. */
export const writeNode = (node: Node): NodeProto =>
  node.proto ??
  create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: node.name,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: [...node.attributes.protos],
  });

/** The node that gives a value another name. */
export const renaming = (name: string, value: string): Node => ({
  op: "Identity",
  domain: "",
  name: "",
  inputs: [value],
  outputs: [name],
  attributes: Attributes.none,
});
