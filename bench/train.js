// One epoch of LeNet over the 60,000 training images, as `perturb train` does it: two threads with a runtime each.
import { cpus } from "node:os";

/** Gives a function from a batch size to the milliseconds of an epoch, the second of a training: compiled and warm. */
export async function epochTimer(dist) {
  const [{ train }, { optimizers }, { schedules }, { lenet }, { openDataset }, { threadRuntime }] = await Promise.all([
    dist("train/run.js"),
    dist("train/index.js"),
    dist("train/schedule.js"),
    dist("architectures/lenet.js"),
    dist("datasets/locate.node.js"),
    dist("runtime/thread.node.js"),
  ]);
  const data = await openDataset("mnist", { split: "train" });
  return async (batch) => {
    const runtimes = await Promise.all(Array.from({ length: Math.min(2, cpus().length) }, () => threadRuntime()));
    const ends = [];
    try {
      await train({
        architecture: lenet,
        data,
        validation: 0,
        optimizer: optimizers.adam.make(),
        rate: 1e-3,
        schedule: schedules.constant,
        epochs: 2,
        batch,
        seed: 0,
        runtimes,
        save: async () => {
          ends.push(performance.now());
        },
      });
    } finally {
      for (const runtime of runtimes) await runtime.close?.();
    }
    return ends[1] - ends[0];
  };
}
