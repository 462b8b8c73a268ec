import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  OperatorSetIdProtoSchema,
  type TensorShapeProto_Dimension,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { messageOf, PerturbError } from "../errors.ts";
import { checkFileCounts } from "./file-counts.ts";
import type { Dim, Graph, GraphValue, Node } from "./graph.ts";
import { readNode, renaming, standardDomain, writeNode } from "./node-proto.ts";
import { checkTensor, elementType, typeCode } from "./tensor-proto.ts";
import { sortNodes } from "./topology.ts";

/** IR version and opset of graphs made from nothing. ONNX Runtime 1.14 and later read both. */
export const NEW_IR_VERSION = 8n;

/** Reads a serialized ONNX ModelProto. @throws invalid-file; unsupported for inputs that are no tensors, and for more than can be rewritten */
export function readOnnx(bytes: Uint8Array, name = "model"): Graph {
  const source = decode(bytes, name);
  if (!source.graph || source.graph.node.length === 0)
    throw new PerturbError(
      "invalid-file",
      `${name} is no ONNX model: it has no graph with nodes. Give a file written by an ONNX exporter.`,
    );
  checkFileCounts(source, name);
  const proto = source.graph;
  for (const t of proto.initializer) checkTensor(t, name);
  const initializers = new Map(proto.initializer.map((t) => [t.name, t]));
  const constants = [...initializers.keys(), ...proto.sparseInitializer.map((t) => t.values?.name ?? "")];
  const nodes = proto.node.map((node) => withoutMap(readNode(node)));
  const inputs = proto.input.filter((v) => !initializers.has(v.name)).map(readValue);
  const mapped = new Set(proto.node.filter(isZipMap).flatMap((node) => node.output));
  const outputs = proto.output.map((value) =>
    mapped.has(value.name) ? { name: value.name, type: "float32" as const, dims: null } : readValue(value),
  );
  if (outputs.length === 0)
    throw new PerturbError("invalid-file", `${name} is no usable ONNX model: its graph has no output.`);
  return {
    name: proto.name,
    inputs,
    outputs,
    initializers,
    nodes: sortNodes(nodes, new Set([...constants, ...inputs.map((v) => v.name)]), outputs, name),
    opsets: new Map(source.opsetImport.map((o) => [standardDomain(o.domain), Number(o.version)])),
    source,
  };
}

/** skl2onnx gives probabilities as a list of maps from label to number, unless asked not to. */
const isZipMap = ({ opType, domain }: NodeProto): boolean => opType === "ZipMap" && domain === "ai.onnx.ml";

/** The tensor itself in place of its maps. */
const withoutMap = (node: Node): Node =>
  node.proto && isZipMap(node.proto) ? { ...renaming(node.outputs[0]!, node.inputs[0]!), name: node.name } : node;

function decode(bytes: Uint8Array, name: string) {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const message = `${name} is no valid ONNX file (${bytes.length} bytes): ${messageOf(cause)}. It may be cut short or of another format.`;
    throw new PerturbError("invalid-file", message, { cause });
  }
}

function readValue(value: ValueInfoProto): GraphValue {
  const kind = value.type?.value;
  if (!kind?.case) return { name: value.name, type: null, dims: null };
  if (kind.case !== "tensorType")
    throw new PerturbError(
      "unsupported",
      `"${value.name}" is a ${kind.case.replace("Type", "")}, and only tensors are supported as inputs and outputs.`,
    );
  const { elemType, shape } = kind.value;
  return { name: value.name, type: elementType(elemType) ?? null, dims: shape?.dim.map(readDim) ?? null };
}

/** Letters of a size's name: products of sizes are named by all of theirs. */
const LONGEST_NAME = 256;

/** A negative size stands for an unknown one, as in ONNX Runtime; so does one that is no exact number, or has a very long name. */
function readDim({ value }: TensorShapeProto_Dimension): Dim {
  if (value.case === "dimValue")
    return value.value < 0n || value.value > Number.MAX_SAFE_INTEGER ? null : Number(value.value);
  return value.case === "dimParam" && value.value !== "" && value.value.length <= LONGEST_NAME ? value.value : null;
}

/**
 * Serializes a graph. Fields of the source that were not rewritten, known or unknown, are kept; `value_info` is not: the
 * shapes between inputs and outputs may have changed, and runtimes infer them.
 * @throws invalid-file for what no file can hold
 */
export function writeOnnx(graph: Graph): Uint8Array {
  try {
    return toBinary(ModelProtoSchema, modelOf(graph));
  } catch (cause) {
    const message = `${graph.name || "The model"} cannot be written as ONNX (${messageOf(cause)}): a number in it is none of its kind. Check that the model runs.`;
    throw new PerturbError("invalid-file", message, { cause });
  }
}

function modelOf(graph: Graph): ModelProto {
  const { source } = graph;
  const made = source?.graph ? { ...source.graph } : create(GraphProtoSchema, { name: graph.name || "perturb" });
  const proto: GraphProto = Object.assign(made, {
    node: graph.nodes.map(writeNode),
    initializer: [...graph.initializers.values()],
    input: graph.inputs.map((value) => writeValue(value, source?.graph?.input)),
    output: graph.outputs.map((value) => writeValue(value, source?.graph?.output)),
    valueInfo: [],
  });
  const opsetImport = [...graph.opsets].map(
    ([domain, version]) =>
      source?.opsetImport.find((o) => standardDomain(o.domain) === domain && Number(o.version) === version) ??
      create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
  );
  const model = source
    ? { ...source }
    : create(ModelProtoSchema, { irVersion: NEW_IR_VERSION, producerName: "perturb" });
  return Object.assign(model, { graph: proto, opsetImport });
}

/** A graph as a sub-graph; `outside`: inputs that it takes from around it. */
export const writeSubgraph = (graph: Graph, outside: ReadonlySet<string>): GraphProto =>
  create(GraphProtoSchema, {
    name: graph.name,
    node: graph.nodes.map(writeNode),
    initializer: [...graph.initializers.values()],
    input: graph.inputs.filter(({ name }) => !outside.has(name)).map((value) => writeValue(value, undefined)),
    output: graph.outputs.map((value) => writeValue(value, undefined)),
  });

function writeValue(value: GraphValue, originals: readonly ValueInfoProto[] | undefined): ValueInfoProto {
  const original = originals?.find((v) => v.name === value.name);
  const isMap = original?.type?.value.case === "sequenceType";
  if (
    original &&
    !isMap &&
    JSON.stringify(readValue(original)) === JSON.stringify({ name: value.name, type: value.type, dims: value.dims })
  )
    return original;
  if (!value.type) return create(ValueInfoProtoSchema, { name: value.name });
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: typeCode(value.type),
          ...(value.dims && { shape: { dim: value.dims.map((d) => ({ value: writeDim(d) })) } }),
        },
      },
    },
  });
}

const writeDim = (d: Dim) =>
  typeof d === "number"
    ? ({ case: "dimValue", value: BigInt(d) } as const)
    : d === null
      ? ({ case: undefined } as const)
      : ({ case: "dimParam", value: d } as const);
