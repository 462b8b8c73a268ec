import { proxy } from "comlink";
import type { Dataset } from "../../../src/dataset.ts";
import { samplesAt } from "../../../src/datasets/draw.ts";
import { checkSignal } from "../../../src/errors.ts";
import type { HardenedModel, HardenRequest, HardenWord } from "../hardening.ts";
import { remote } from "../remote.ts";
import type { HardenThread, Lesson } from "./harden.worker.ts";
import type { OpenedModel } from "./opened.ts";
import { requireQuick } from "./quick.ts";

/** Samples that are learned from and held out, at most: so many epochs of LeNet take about a minute. */
const MOST = 5000;
/** One of so many is held out. */
const HELD = 10;
const BATCH = 50;

/**
 * Trains a network in a thread of its own, on the second half of the data: what is measured on the first half is then of samples that it
 * never saw. @throws unsupported for networks that would take hours; whatever `harden` throws
 */
export async function hardenModel(
  { model, info, source }: OpenedModel,
  data: Dataset,
  { epsilon, epochs }: HardenRequest,
  signal: AbortSignal,
  hear: (word: HardenWord) => void,
): Promise<HardenedModel> {
  requireQuick(info, "trains", "perturb harden");
  const lesson: Lesson = {
    ...(await secondHalf(data)),
    name: info.name,
    classes: model.classes,
    epsilon,
    epochs,
    batch: BATCH,
  };
  checkSignal(signal);
  const worker = new Worker(new URL("./harden.worker.ts", import.meta.url), { type: "module", name: "harden" });
  const thread = remote<HardenThread>(worker);
  signal.addEventListener("abort", () => void thread.stop().catch(() => undefined));
  try {
    const hardened = await thread.harden(await source(), lesson, proxy(hear));
    return { ...hardened, unseen: data.size - lesson.labels.length };
  } finally {
    worker.terminate();
  }
}

/** The last samples of a set: at most half of them. */
async function secondHalf(data: Dataset): Promise<Pick<Lesson, "x" | "shape" | "labels" | "validation">> {
  const count = Math.min(MOST, Math.floor(data.size / 2));
  const indices = Array.from({ length: count }, (_, i) => data.size - count + i);
  const { x, labels } = await samplesAt(data, indices);
  return {
    x: x.data,
    shape: data.shape,
    labels: Int32Array.from(labels),
    validation: Math.max(50, Math.floor(count / HELD)),
  };
}
