import { own } from "../../own.ts";

/** What a tensor is to the operator that takes it. A statistic is not learned. */
export type ParameterRole = "weight" | "bias" | "scale" | "slope" | "statistic";

/** Where operators take what is learned: roles by domain and name, for each input. Statistics have no role, and are constants. */
const PLACES: Readonly<Record<string, Readonly<Record<string, readonly (ParameterRole | null)[]>>>> = {
  "": {
    Conv: [null, "weight", "bias"],
    ConvTranspose: [null, "weight", "bias"],
    DeformConv: [null, "weight", null, "bias"],
    Gemm: ["weight", "weight", "bias"],
    MatMul: ["weight", "weight"],
    Einsum: ["weight", "weight"],
    PRelu: [null, "slope"],
    BatchNormalization: [null, "scale", "bias"],
    InstanceNormalization: [null, "scale", "bias"],
    LayerNormalization: [null, "scale", "bias"],
    GroupNormalization: [null, "scale", "bias"],
    RMSNormalization: [null, "scale"],
    RNN: [null, "weight", "weight", "bias"],
    GRU: [null, "weight", "weight", "bias"],
    LSTM: [null, "weight", "weight", "bias", null, null, null, "weight"],
  },
  "com.microsoft": {
    FusedConv: [null, "weight", "bias"],
    FusedGemm: ["weight", "weight", "bias"],
    FusedMatMul: ["weight", "weight"],
    BiasGelu: [null, "bias"],
    FastGelu: [null, "bias"],
    Attention: [null, "weight", "bias"],
    SkipLayerNormalization: [null, null, "scale", "bias", "bias"],
    SimplifiedLayerNormalization: [null, "scale"],
    SkipSimplifiedLayerNormalization: [null, null, "scale", "bias"],
  },
};

/** Operators that are biases and scales where they follow a weight, and arithmetic with constants elsewhere. */
const AFFINE: Readonly<Record<string, ParameterRole>> = { Add: "bias", Sub: "bias", Mul: "scale", Div: "scale" };

/** The role of input i of an operator; null where it is none that is learned. */
export const roleOf = (op: string, domain: string, i: number): ParameterRole | null =>
  own(own(PLACES, domain) ?? {}, op)?.[i] ?? null;

/** The role of a constant beside a value that has weights before it. */
export const affineRole = (op: string, domain: string): ParameterRole | null =>
  (domain === "" ? own(AFFINE, op) : null) ?? null;

/** Operators that a tensor goes through on its way to its place, and still is what is learned. */
export const CARRIERS: ReadonlySet<string> = new Set([
  "Identity",
  "Transpose",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Unsqueeze",
  "Cast",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** Operators of networks whose weights are whole numbers. */
export const QUANTIZED: ReadonlySet<string> = new Set([
  "QLinearConv",
  "QLinearMatMul",
  "ConvInteger",
  "MatMulInteger",
  "MatMulNBits",
  "QGemm",
  "MatMulIntegerToFloat",
  "DynamicQuantizeMatMul",
]);
