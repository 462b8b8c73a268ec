import { PerturbError } from "../errors.ts";
import type { Model } from "../model.ts";
import { type Note, option } from "../option.ts";
import { randomFor } from "../random.ts";
import type { Runtime } from "../runtime.ts";
import { type FloatTensor, product } from "../tensor.ts";
import type { ClassifierFile } from "./classifier/classifier.ts";
import { type GraphModel, openClassifier } from "./classifier/graph-model.ts";

/** Samples that both devices are asked about, drawn from the bounds. */
const SAMPLES = 4;
/** How far the values of a device may be from the CPU's, as a share of their length: a wrong operator misses it by far, float32 and TF32 do not. */
const SHARE = 0.02;

/**
 * Compares what a device gives for a model with what a CPU does, on a few random samples: some providers compute some operators wrong, and say nothing.
 * Gives the classifier with a note of how far the two are apart; as it is where it is to run on a CPU.
 * @param cpu who runs it on the CPU
 * @throws device where logits or gradients differ by more than 2 % of their length
 */
export async function checkedOnDevice(file: ClassifierFile, runtime: Runtime, cpu: Runtime): Promise<ClassifierFile> {
  if (runtime.device === "cpu") return file;
  const [model, reference] = [openClassifier(file, runtime), openClassifier(file, cpu)];
  try {
    const found = await differences(model, reference);
    const worst = found.find(({ share }) => !(share <= SHARE));
    if (worst) throw differs(model, worst);
    const apart = found.map(({ of, share }) => `${of} by ${share.toExponential(1)}`).join(", ");
    const note: Note = {
      code: "device-checked",
      message: `${runtime.device} rounds otherwise than the CPU: on ${SAMPLES} random samples they differ in ${apart} of their length. Counts may differ by single samples.`,
    };
    return { ...file, notes: [...(file.notes ?? []), note] };
  } finally {
    await Promise.all([model.release(), reference.release()]);
  }
}

interface Difference {
  readonly of: "logits" | "gradient";
  /** ‖a - b‖ / ‖b‖ in L2, of a device's values a and the CPU's b. */
  readonly share: number;
}

async function differences(model: GraphModel, reference: GraphModel): Promise<Difference[]> {
  const { indices, x } = samplesFor(model);
  const logits = async (of: Model) => (await of.logits(x, indices)).data;
  const found: Difference[] = [{ of: "logits", share: apart(await logits(model), await logits(reference)) }];
  const labels = indices.map((i) => i % model.classes);
  const slope = async (of: GraphModel) =>
    (await of.gradient(x, { kind: "untargeted", labels }, "cross-entropy", indices)).gradient.data;
  // Of a set of labels there is none yet.
  if (model.head === "multi-label") return found;
  try {
    await reference.prepare("cross-entropy");
  } catch {
    // It has none on any device.
    return found;
  }
  return [...found, { of: "gradient", share: apart(await slope(model), await slope(reference)) }];
}

function samplesFor({ inputShape, bounds: { lower, upper } }: Model): { indices: Int32Array; x: FloatTensor } {
  const size = product(inputShape);
  const indices = Int32Array.from({ length: SAMPLES }, (_, i) => i);
  const data = new Float32Array(SAMPLES * size);
  for (const i of indices) {
    const random = randomFor(0, i);
    for (let j = i * size; j < (i + 1) * size; j++)
      data[j] = Math.min(upper, Math.max(lower, lower + (upper - lower) * random.uniform()));
  }
  return { indices, x: { type: "float32", dims: [SAMPLES, ...inputShape], data } };
}

/** The distance of two lists as a share of the length of the second; NaN where one of them alone is not finite. */
function apart(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.NaN;
  let [difference, length] = [0, 0];
  for (const [i, v] of b.entries()) {
    if (!Object.is(a[i], v)) difference += (a[i]! - v) ** 2;
    if (Number.isFinite(v)) length += v * v;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / length);
}

const differs = ({ name, runtime: { device } }: GraphModel, { of, share }: Difference): PerturbError =>
  new PerturbError(
    "device",
    `${device} computes ${of === "logits" ? "the logits" : "the gradient"} of ${name} wrong: on ${SAMPLES} random samples ${of === "logits" ? "they are" : "it is"} not what the CPU gives (${Number.isFinite(share) ? `${(100 * share).toPrecision(2)} % apart` : "not finite where the CPU's is"}). Choose ${option("device", "cpu")}; docs/providers.md lists operators that are wrong there.`,
    { data: { device, of, share } },
  );
