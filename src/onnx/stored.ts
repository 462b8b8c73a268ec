import { PerturbError } from "../errors.ts";

/** Bytes `start` up to (not including) `end` of a file. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** Where a file keeps the elements of a tensor. */
export interface StoredTensor {
  readonly dataType: number;
  /** The fields of TensorProto that hold elements, by name, as the spans of their payload, in order. */
  readonly data: Readonly<Partial<Record<DataField, readonly Span[]>>>;
  /** Whether the elements lie in another file. */
  readonly external: boolean;
}

/** `int32_data` holds variable lengths, which cannot be replaced in place. */
type DataField = "raw" | "floats" | "doubles" | "integers";

/** Numbers of fields in onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto. */
const MODEL = { graph: 7 };
const GRAPH = { node: 1, initializer: 5 };
const NODE = { output: 2, opType: 4, attribute: 5 };
const ATTRIBUTE = { name: 1, t: 5 };
const TENSOR = { dataType: 2, name: 8, dataLocation: 14 };
const DATA: Readonly<Record<number, DataField>> = { 9: "raw", 4: "floats", 10: "doubles", 5: "integers" };
const EXTERNAL = 1;

/** Wire types of protobuf. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

interface Field extends Span {
  readonly number: number;
  readonly wire: number;
}

/**
 * Where the tensors of an ONNX file lie in its bytes: initializers by name, and values of Constant nodes by the name of the output. So a
 * tensor can be replaced and every other byte kept: fields, known or unknown, and how they were encoded.
 * @throws invalid-file
 */
export function storedTensors(bytes: Uint8Array): ReadonlyMap<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  for (const model of fieldsIn(bytes, { start: 0, end: bytes.length })) {
    if (model.number !== MODEL.graph || model.wire !== LENGTH) continue;
    for (const field of fieldsIn(bytes, model)) {
      if (field.wire !== LENGTH) continue;
      if (field.number === GRAPH.initializer) {
        const [name, tensor] = tensorAt(bytes, field);
        found.set(name, tensor);
      } else if (field.number === GRAPH.node) {
        const constant = constantAt(bytes, field);
        if (constant) found.set(...constant);
      }
    }
  }
  return found;
}

function constantAt(bytes: Uint8Array, node: Span): [string, StoredTensor] | undefined {
  const fields = [...fieldsIn(bytes, node)];
  const op = fields.find(({ number }) => number === NODE.opType);
  const output = fields.find(({ number }) => number === NODE.output);
  if (!op || !output || textAt(bytes, op) !== "Constant") return undefined;
  for (const attribute of fields.filter(({ number }) => number === NODE.attribute)) {
    const inner = [...fieldsIn(bytes, attribute)];
    const name = inner.find(({ number }) => number === ATTRIBUTE.name);
    const tensor = inner.find(({ number, wire }) => number === ATTRIBUTE.t && wire === LENGTH);
    if (tensor && name && textAt(bytes, name) === "value") return [textAt(bytes, output), tensorAt(bytes, tensor)[1]];
  }
  return undefined;
}

function tensorAt(bytes: Uint8Array, span: Span): [string, StoredTensor] {
  let name = "";
  let dataType = 0;
  let external = false;
  const data: Partial<Record<DataField, Span[]>> = {};
  for (const field of fieldsIn(bytes, span)) {
    const kind = DATA[field.number];
    if (kind) data[kind] = [...(data[kind] ?? []), { start: field.start, end: field.end }];
    else if (field.number === TENSOR.name) name = textAt(bytes, field);
    else if (field.number === TENSOR.dataType) dataType = varintAt(bytes, field)[0];
    else if (field.number === TENSOR.dataLocation) external = varintAt(bytes, field)[0] === EXTERNAL;
  }
  return [name, { dataType, data, external }];
}

/** The fields of a message: the span of each is that of its payload. @throws invalid-file */
function* fieldsIn(bytes: Uint8Array, { start, end }: Span): Generator<Field> {
  for (let at = start; at < end; ) {
    const [tag, body] = varintAt(bytes, { start: at, end });
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    let [from, to] = [body, body];
    if (wire === VARINT) to = varintAt(bytes, { start: body, end })[1];
    else if (wire === FIXED64) to = body + 8;
    else if (wire === FIXED32) to = body + 4;
    else if (wire === LENGTH) {
      const [length, data] = varintAt(bytes, { start: body, end });
      [from, to] = [data, data + length];
    } else throw broken(at);
    if (to > end) throw broken(at);
    yield { number, wire, start: from, end: to };
    at = to;
  }
}

/** A number and where it ends; of 64 bits, the highest are rounded away, which only negative numbers have. */
function varintAt(bytes: Uint8Array, { start, end }: Span): [value: number, next: number] {
  let value = 0;
  for (let at = start, scale = 1; at < end && at < start + 10; at++, scale *= 128) {
    const byte = bytes[at]!;
    value += (byte & 127) * scale;
    if (byte < 128) return [value, at + 1];
  }
  throw broken(start);
}

const text = new TextDecoder();
const textAt = (bytes: Uint8Array, { start, end }: Span): string => text.decode(bytes.subarray(start, end));

const broken = (at: number): PerturbError =>
  new PerturbError("invalid-file", `The model is no valid ONNX file: its byte ${at} begins no whole field.`, {
    data: { byte: at },
  });
