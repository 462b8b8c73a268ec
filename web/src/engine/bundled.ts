import robust from "bundled:conv-mnist-robust";
import lenet from "bundled:lenet-mnist";
import { mnist } from "../../../src/datasets/mnist.ts";
import type { BundledModel } from "../../../src/models/bundled.ts";
import type { ClassifierFile } from "../../../src/models/classifier/classifier.ts";
import { openClassifier } from "../../../src/models/classifier/graph-model.ts";
import type { WebDevice } from "../engine.ts";
import { fetched } from "./bytes.ts";
import { modelInfoOf, type OpenedModel } from "./opened.ts";
import { runtimeFor } from "./runtimes.ts";

const PREPARED = { "conv-mnist-robust": robust, "lenet-mnist": lenet } as const satisfies Record<BundledModel, unknown>;

/** A network that comes with the page, differentiated when the page was built. */
export async function openBundled(name: BundledModel, device: WebDevice): Promise<OpenedModel> {
  const { file, inspection, onnx, gradient, given } = PREPARED[name];
  const [bytes, gradientBytes, runtime] = await Promise.all([fetched(onnx), fetched(gradient), runtimeFor(device)]);
  const whole: ClassifierFile = { ...file, onnx: bytes, gradients: { "cross-entropy": gradientBytes } };
  const model = openClassifier(whole, runtime);
  return {
    model,
    info: {
      ...modelInfoOf(model, { inspection, sizesOpen: false, options: {}, device }),
      bundled: name,
      classNames: mnist.classNames,
    },
    source: async () => ({ bytes: await fetched(given), options: {} }),
  };
}
