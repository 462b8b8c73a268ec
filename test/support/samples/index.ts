import type { LoweredOperator, MicrosoftOperator, MlOperator } from "../../../src/autodiff/lowerings.ts";
import type { DifferentiableOperator } from "../../../src/autodiff/rules.ts";
import type { Sample } from "../gradient-check.ts";
import { activationSamples } from "./activation.ts";
import { attentionSamples } from "./attention.ts";
import { controlSamples } from "./control.ts";
import { convolutionSamples } from "./convolution.ts";
import { determinantSamples } from "./determinant.ts";
import { einsumSamples } from "./einsum.ts";
import { elementwiseSamples } from "./elementwise.ts";
import { fourierSamples } from "./fourier.ts";
import { functionSamples } from "./function.ts";
import { gridSampleSamples } from "./grid-sample.ts";
import { indexingSamples } from "./indexing.ts";
import { linearSamples } from "./linear.ts";
import { lossSamples } from "./loss.ts";
import { microsoftOperatorSamples, simplifiedNormalizationSamples } from "./microsoft.ts";
import { microsoftAttentionSamples } from "./microsoft-attention.ts";
import { microsoftQuantizationSamples } from "./microsoft-quantization.ts";
import { mlSamples } from "./ml.ts";
import { movementSamples } from "./movement.ts";
import { normalizationSamples } from "./normalization.ts";
import { poolingSamples } from "./pooling.ts";
import { quantizationSamples } from "./quantization.ts";
import { quantizedProductSamples } from "./quantized-products.ts";
import { rearrangementSamples } from "./rearrangement.ts";
import { recurrentSamples } from "./recurrent.ts";
import { reductionSamples } from "./reduction.ts";
import { remainderSamples } from "./remainder.ts";
import { resizeSamples } from "./resize.ts";
import { roiSamples } from "./roi.ts";
import { rotarySamples } from "./rotary.ts";
import { scanSamples } from "./scan.ts";
import { scatterSamples } from "./scatter.ts";
import { sequenceSamples } from "./sequence.ts";
import { slicingSamples } from "./slicing.ts";
import { tensorScatterSamples } from "./tensor-scatter.ts";

/** What every gradient rule and lowering is checked on. One without samples does not compile. */
export const samples: Readonly<Record<DifferentiableOperator | LoweredOperator, readonly Sample[]>> = {
  ...elementwiseSamples,
  ...functionSamples,
  ...activationSamples,
  ...linearSamples,
  ...determinantSamples,
  ...convolutionSamples,
  ...poolingSamples,
  ...movementSamples,
  ...slicingSamples,
  ...rearrangementSamples,
  ...indexingSamples,
  ...scatterSamples,
  ...tensorScatterSamples,
  ...scanSamples,
  ...einsumSamples,
  ...remainderSamples,
  ...reductionSamples,
  ...resizeSamples,
  ...roiSamples,
  ...gridSampleSamples,
  ...recurrentSamples,
  ...rotarySamples,
  ...controlSamples,
  ...sequenceSamples,
  ...normalizationSamples,
  ...quantizationSamples,
  ...quantizedProductSamples,
  ...attentionSamples,
  ...lossSamples,
  ...fourierSamples,
  ...simplifiedNormalizationSamples,
};

export const ofMl: Readonly<Record<MlOperator, readonly Sample[]>> = mlSamples;

export const microsoftSamples: Readonly<Record<MicrosoftOperator, readonly Sample[]>> = {
  ...microsoftOperatorSamples,
  ...microsoftAttentionSamples,
  ...microsoftQuantizationSamples,
};
