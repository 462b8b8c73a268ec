import { create } from "@bufbuild/protobuf";
import { type TensorProto, TensorProto_DataLocation, TensorProto_DataType, TensorProtoSchema } from "onnx-buf";
import { PerturbError } from "../errors.ts";
import { ARRAY_OF, bytesPerElement, type ElementType, product, type Tensor, type TensorArrays } from "../tensor.ts";

const TYPES = {
  [TensorProto_DataType.FLOAT]: "float32",
  [TensorProto_DataType.DOUBLE]: "float64",
  [TensorProto_DataType.FLOAT16]: "float16",
  [TensorProto_DataType.BFLOAT16]: "bfloat16",
  [TensorProto_DataType.INT8]: "int8",
  [TensorProto_DataType.UINT8]: "uint8",
  [TensorProto_DataType.INT16]: "int16",
  [TensorProto_DataType.UINT16]: "uint16",
  [TensorProto_DataType.INT32]: "int32",
  [TensorProto_DataType.UINT32]: "uint32",
  [TensorProto_DataType.INT64]: "int64",
  [TensorProto_DataType.UINT64]: "uint64",
  [TensorProto_DataType.BOOL]: "bool",
} as const satisfies Partial<Record<TensorProto_DataType, ElementType>>;

const CODES = new Map<ElementType, TensorProto_DataType>(
  Object.entries(TYPES).map(([code, type]) => [type, Number(code) as TensorProto_DataType]),
);

/** The element type of an ONNX type code, undefined for those that this library does not compute with. */
export const elementType = (code: number): ElementType | undefined => (TYPES as Record<number, ElementType>)[code];

const FLOAT_CODES: ReadonlySet<number> = new Set([
  TensorProto_DataType.FLOAT,
  TensorProto_DataType.DOUBLE,
  TensorProto_DataType.FLOAT16,
  TensorProto_DataType.BFLOAT16,
  TensorProto_DataType.FLOAT8E4M3FN,
  TensorProto_DataType.FLOAT8E4M3FNUZ,
  TensorProto_DataType.FLOAT8E5M2,
  TensorProto_DataType.FLOAT8E5M2FNUZ,
  TensorProto_DataType.FLOAT4E2M1,
]);

/** Whether a type code is of real numbers, those included that this library does not compute with. */
export const isFloatCode = (code: number): boolean => FLOAT_CODES.has(code);

/** The ONNX type code of an element type. */
export const typeCode = (type: ElementType): TensorProto_DataType => CODES.get(type)!;

/** The values of an initializer or attribute. @throws invalid-file, unsupported */
export function readTensor(proto: TensorProto, where = `tensor "${proto.name}"`): Tensor {
  const type = elementType(proto.dataType);
  if (!type)
    throw new PerturbError(
      "unsupported",
      `The ${where} has element type ${TensorProto_DataType[proto.dataType] ?? proto.dataType}, which is not supported.`,
    );
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL)
    throw new PerturbError(
      "unsupported",
      `The ${where} keeps its data in another file. Save the model as a single file.`,
    );
  const dims = proto.dims.map(Number);
  const count = product(dims);
  const data = proto.rawData.length > 0 || count === 0 ? fromRaw(type, proto.rawData, count) : fromFields(type, proto);
  if (dims.some((d) => d < 0) || data?.length !== count)
    throw new PerturbError(
      "invalid-file",
      `The ${where} has shape [${dims}], which is ${count} elements, but holds ${data?.length ?? "another number of"}.`,
    );
  return { type, dims, data };
}

/**
 * Refuses a tensor whose shape says more or less than its bytes hold, without reading them, so that its sizes can be
 * relied on. Types that are not known and data in other files are left to whoever reads the values. @throws invalid-file
 */
export function checkTensor(proto: TensorProto, file: string): void {
  const type = elementType(proto.dataType);
  if (!type || proto.dataLocation === TensorProto_DataLocation.EXTERNAL) return;
  const { rawData } = proto;
  const got = rawData.length > 0 ? rawData.length / bytesPerElement(type) : typedLength(type, proto);
  const dims = proto.dims.map(Number);
  if (dims.every((d) => d >= 0) && got === product(dims)) return;
  throw new PerturbError(
    "invalid-file",
    `${file}: the tensor "${proto.name}" has shape [${dims}], which is ${product(dims)} elements, but holds ${got}.`,
  );
}

function typedLength(type: ElementType, proto: TensorProto): number {
  if (type === "float32") return proto.floatData.length;
  if (type === "float64") return proto.doubleData.length;
  if (type === "int64") return proto.int64Data.length;
  return type === "uint64" || type === "uint32" ? proto.uint64Data.length : proto.int32Data.length;
}

function fromRaw(type: ElementType, raw: Uint8Array, count: number): Tensor["data"] | undefined {
  if (raw.length !== count * bytesPerElement(type)) return undefined;
  // A copy, aligned; Buffer.slice would share the memory of the file.
  return new ARRAY_OF[type](new Uint8Array(raw).buffer as never);
}

/** The typed fields of TensorProto: small types share int32_data. */
function fromFields(type: ElementType, proto: TensorProto): Tensor["data"] {
  if (type === "float32") return Float32Array.from(proto.floatData);
  if (type === "float64") return Float64Array.from(proto.doubleData);
  if (type === "int64") return BigInt64Array.from(proto.int64Data);
  if (type === "uint64") return BigUint64Array.from(proto.uint64Data);
  if (type === "uint32") return Uint32Array.from(proto.uint64Data, Number);
  const array = ARRAY_OF[type] as unknown as { from(values: Iterable<number>): TensorArrays["int32"] };
  return array.from(proto.int32Data);
}

/** An initializer that holds the tensor; shares its memory. */
export function writeTensor(name: string, t: Tensor): TensorProto {
  const { buffer, byteOffset, byteLength } = t.data;
  return create(TensorProtoSchema, {
    name,
    dims: t.dims.map(BigInt),
    dataType: typeCode(t.type),
    rawData: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  });
}
