import type { fourierLowerings } from "../../../src/autodiff/lowerings/fourier.ts";
import type { AttributeValue } from "../../../src/onnx/attributes.ts";
import type { Ops } from "../../../src/onnx/ops.ts";
import { tensor } from "../../../src/tensor.ts";
import type { Sample, SampleInput } from "../gradient-check.ts";

const int = (b: Ops, value: number): string => b.constant(tensor("int64", [], BigInt64Array.of(BigInt(value))));
const complex: SampleInput = { dims: [2, 5, 3, 2], declared: ["N", 5, 3, 2] };
const real: SampleInput = { dims: [2, 6, 1], declared: ["N", 6, 1] };

const dft = (
  name: string,
  x: SampleInput,
  axis: number,
  attributes: Record<string, AttributeValue> = {},
  length?: number,
): Sample => ({
  name,
  opsets: [17, 20, 22],
  inputs: { x },
  build(b, v) {
    const size = length === undefined ? "" : int(b, length);
    if (b.opset < 20) return b.add("DFT", size ? [v["x"]!, size] : [v["x"]!], { axis, ...attributes });
    return b.add("DFT", [v["x"]!, size, int(b, axis)], attributes);
  },
});

const stft = (
  name: string,
  signal: SampleInput,
  windowed: boolean,
  length?: number,
  attributes: Record<string, AttributeValue> = {},
): Sample => ({
  name,
  opsets: [17, 22],
  inputs: { signal, ...(windowed && { window: { dims: [4] } }) },
  build: (b, v) =>
    b.add("STFT", [v["signal"]!, int(b, 2), v["window"] ?? "", ...(length ? [int(b, length)] : [])], attributes),
});

const long: SampleInput = { dims: [2, 11, 1], declared: ["N", 11, 1] };

export const fourierSamples = {
  DFT: [
    dft("real", real, 1),
    dft("real, one side", real, 1, { onesided: 1 }),
    dft("complex", complex, 1),
    dft("complex, another axis", complex, 2),
    dft("one side, a negative axis", real, -2, { onesided: 1 }),
    // ONNX Runtime divides by the length as a float32.
    { ...dft("back", complex, 1, { inverse: 1 }), type: "float32" },
    dft("longer", complex, 1, {}, 8),
    dft("shorter, one side", real, 1, { onesided: 1 }, 3),
  ],
  STFT: [
    stft("a window", long, true),
    stft("a length", long, false, 5),
    stft("both, both sides", long, true, 4, { onesided: 0 }),
  ],
} satisfies Readonly<Record<keyof typeof fourierLowerings, readonly Sample[]>>;
