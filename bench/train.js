// One epoch of LeNet over the 60,000 training images, as `perturb train` does it: half of each batch here, half in a thread.

/** Gives a function from a batch size to the milliseconds of an epoch, the second of a training: compiled and warm. */
export async function epochTimer(dist) {
  const [{ train }, { optimizers }, { schedules }, { lenet }, { openDataset }, { nodeRuntime }, { threadRuntime }] =
    await Promise.all([
      dist("train/run.js"),
      dist("train/index.js"),
      dist("train/schedule.js"),
      dist("architectures/lenet.js"),
      dist("datasets/locate.node.js"),
      dist("runtime/ort.node.js"),
      dist("runtime/thread.node.js"),
    ]);
  const data = await openDataset("mnist", { split: "train" });
  return async (batch) => {
    const thread = threadRuntime();
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
        runtimes: [nodeRuntime("cpu", 1), thread],
        save: async () => {
          ends.push(performance.now());
        },
      });
    } finally {
      await thread.close();
    }
    return ends[1] - ends[0];
  };
}
