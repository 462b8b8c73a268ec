import { PerturbError } from "../../errors.ts";
import { type Span, type StoredTensor, storedTensors } from "../../onnx/stored.ts";
import { bytesPerElement } from "../../tensor.ts";
import type { Parameter } from "./find.ts";
import { writeElement } from "./rounding.ts";

/** New elements of a parameter, beside those that the file was opened with: elements that are the same keep their bytes. */
export interface NewValues {
  readonly parameter: Parameter;
  readonly before: Float32Array;
  readonly after: Float32Array;
}

/**
 * An ONNX file with other elements in some of its tensors, and every other byte as it is. What lies in other files is for `dataWithValues`.
 * @throws unsupported where `refuseUnwritable` does
 */
export function withValues(bytes: Uint8Array, values: readonly NewValues[], model: string): Uint8Array {
  const stored = storedTensors(bytes);
  const changed = bytes.slice();
  for (const { parameter, before, after } of values) {
    const tensor = storedAs(stored, parameter, model);
    if (!tensor.external) replaceIn(changed, spansOf(tensor, parameter), { parameter, before, after });
  }
  return changed;
}

/** Before long work: @throws unsupported for a parameter whose elements cannot be replaced in the file, by name */
export function refuseUnwritable(bytes: Uint8Array, parameters: readonly Parameter[], model: string): void {
  const stored = storedTensors(bytes);
  for (const parameter of parameters) storedAs(stored, parameter, model);
}

/** Replaces the elements of a tensor that lie in these spans, one after the other. */
export function replaceIn(
  bytes: Uint8Array,
  spans: readonly Span[],
  { parameter: { name, type }, before, after }: NewValues,
): void {
  const size = bytesPerElement(type);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let i = 0;
  for (const { start, end } of spans)
    for (let at = start; at + size <= end && i < after.length; at += size, i++)
      if (!Object.is(before[i], after[i])) writeElement(view, at, type, after[i]!);
  if (i !== after.length)
    throw new PerturbError("internal", `The tensor "${name}" has ${after.length} elements, and ${i} in its file.`);
}

function storedAs(stored: ReadonlyMap<string, StoredTensor>, parameter: Parameter, model: string): StoredTensor {
  const { name } = parameter;
  const tensor = stored.get(name);
  if (!tensor) throw new PerturbError("internal", `${model} holds no tensor "${name}".`);
  if (tensor.external || spansOf(tensor, parameter).length > 0 || parameter.dims.includes(0)) return tensor;
  throw new PerturbError(
    "unsupported",
    `${model}: the elements of "${name}" (${parameter.type}) are stored in a field of variable lengths, which cannot be replaced in place. Save the model with raw data first: in Python, t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t), t.name)) for each initializer t.`,
    { data: { tensor: name } },
  );
}

/** Where the elements of a tensor lie in its file. */
function spansOf({ data }: StoredTensor, { type }: Parameter): readonly Span[] {
  const raw = data.raw?.at(-1);
  if (raw && raw.end > raw.start) return [raw];
  if (type === "float32") return data.floats ?? [];
  return type === "float64" ? (data.doubles ?? []) : [];
}
