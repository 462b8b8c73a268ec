import type { Node } from "../onnx/graph.ts";
import { own } from "../own.ts";
import type { Lowering, Lowerings } from "./lowering.ts";
import { attentionLowerings } from "./lowerings/attention.ts";
import { castLikeLowerings } from "./lowerings/cast-like.ts";
import { controlLowerings } from "./lowerings/control.ts";
import { deformConv } from "./lowerings/deform-conv.ts";
import { fourierLowerings } from "./lowerings/fourier.ts";
import { gru } from "./lowerings/gru.ts";
import { lossLowerings } from "./lowerings/loss.ts";
import { lstm } from "./lowerings/lstm.ts";
import { matMulNBitsLowerings } from "./lowerings/mat-mul-n-bits.ts";
import { maxRoiPool } from "./lowerings/max-roi-pool.ts";
import { microsoftActivationLowerings } from "./lowerings/microsoft-activation.ts";
import { microsoftAttentionLowerings } from "./lowerings/microsoft-attention.ts";
import { microsoftFusedLowerings } from "./lowerings/microsoft-fused.ts";
import { microsoftGpuLowerings } from "./lowerings/microsoft-gpu.ts";
import {
  microsoftNormalizationLowerings,
  simplifiedNormalizationLowerings,
} from "./lowerings/microsoft-normalization.ts";
import { microsoftQuantizationLowerings } from "./lowerings/microsoft-quantization.ts";
import { microsoftTensorLowerings } from "./lowerings/microsoft-tensor.ts";
import { mlLowerings } from "./lowerings/ml.ts";
import { poolLowerings } from "./lowerings/pool.ts";
import { quantizationLowerings } from "./lowerings/quantization.ts";
import { rnn } from "./lowerings/rnn.ts";
import { roiAlign } from "./lowerings/roi-align.ts";
import { rotaryLowerings } from "./lowerings/rotary.ts";
import { sequenceLowerings } from "./lowerings/sequence.ts";

const standard = {
  ...quantizationLowerings,
  ...castLikeLowerings,
  ...attentionLowerings,
  ...simplifiedNormalizationLowerings,
  GRU: gru,
  LSTM: lstm,
  RNN: rnn,
  ...rotaryLowerings,
  DeformConv: deformConv,
  RoiAlign: roiAlign,
  MaxRoiPool: maxRoiPool,
  ...poolLowerings,
  ...lossLowerings,
  ...fourierLowerings,
  ...controlLowerings,
  ...sequenceLowerings,
} satisfies Lowerings;

const microsoft = {
  ...microsoftFusedLowerings,
  ...microsoftActivationLowerings,
  ...microsoftNormalizationLowerings,
  ...microsoftAttentionLowerings,
  ...microsoftTensorLowerings,
  ...microsoftQuantizationLowerings,
  ...matMulNBitsLowerings,
} satisfies Lowerings;

/** Operators that are differentiated by writing them in others, by domain ("" is the standard one) and name. */
export const lowerings: Readonly<Record<string, Lowerings>> = {
  "": standard,
  "com.microsoft": { ...microsoft, ...microsoftGpuLowerings },
  "ai.onnx.ml": mlLowerings,
};

/** Those of the standard domain that compute by the same steps as ONNX Runtime, apart from the order of sums. */
export const exactLowerings: Lowerings = {
  ...castLikeLowerings,
  ...poolLowerings,
  ...controlLowerings,
  ...sequenceLowerings,
};

export type LoweredOperator = keyof typeof standard;
export type MicrosoftOperator = keyof typeof microsoft;
export type MlOperator = keyof typeof mlLowerings;

export const loweringOf = (op: string, domain: string): Lowering | undefined => own(own(lowerings, domain) ?? {}, op);

/** Whether an operator is written in others also where no gradient passes: so that what follows has a known shape. */
export const resolvesEarly = ({ op, domain }: Node): boolean =>
  domain === "" && (Object.hasOwn(controlLowerings, op) || Object.hasOwn(sequenceLowerings, op));
