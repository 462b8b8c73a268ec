// What a step of PGD costs over the gradient that it asks for, in each norm, on LeNet and on a larger network with random
// weights: one thread, processor time, in turn, so that other programs do not change the ratio.
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const BATCH = 100;
const STEPS = 40;
/** Budgets at which most samples are not fooled until the last step. */
const EPSILONS = {
  lenet: { linf: 0.1, l2: 1, l1: 5 },
  convnet: { linf: 1 / 255, l2: 0.1, l1: 2 },
};

const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Prints a table; `dist` imports a module of the build. */
export async function benchPgd(dist, rounds, weights = `${root}test/fixtures/pytorch/lenet_zip.pth`) {
  process.stdout.write(
    `\nPGD of ${STEPS} steps, batch ${BATCH}: the whole attack by gradient asked, against the gradient alone; one thread, processor time, least of ${rounds} rounds\n`,
  );
  const [{ openModel }, { classifierFile }, { openClassifier }, { nodeRuntime }, { openDataset }] = await Promise.all([
    dist("models/open.node.js"),
    dist("models/classifier/classifier.js"),
    dist("models/classifier/graph-model.js"),
    dist("runtime/ort.node.js"),
    dist("datasets/locate.node.js"),
  ]);
  const runtime = nodeRuntime("cpu", 1);
  const lenet = await openModel(weights, { arch: "lenet", runtime });
  const convnet = openClassifier(classifierFile(await convnetGraph(dist), { name: "convnet" }), runtime);
  let digits;
  for await (const batch of (await openDataset("mnist")).batches({ batch: BATCH, limit: BATCH })) digits = batch.x;
  await race(dist, "lenet", lenet, digits, rounds);
  await race(dist, "convnet", convnet, await colours(dist), rounds);
  await Promise.all([lenet.release(), convnet.release()]);
}

async function race(dist, name, model, x, rounds) {
  const [{ pgd }, { norms }, { predict }] = await Promise.all([
    dist("attacks/gradient/pgd.js"),
    dist("norm.js"),
    dist("attack.js"),
  ]);
  // What the model says is right.
  const goal = { kind: "untargeted", labels: predict(await model.logits(x)) };
  const indices = Int32Array.from({ length: BATCH }, (_, i) => i);
  const works = {
    gradient: async () => {
      for (let step = 0; step < STEPS; step++) await model.gradient(x, goal, "cross-entropy");
    },
  };
  for (const [norm, epsilon] of Object.entries(EPSILONS[name]))
    works[norm] = () => pgd.propose({ model, x, goal, norm: norms[norm], epsilons: [epsilon], indices, seed: 0 });
  const times = Object.fromEntries(Object.keys(works).map((key) => [key, Number.POSITIVE_INFINITY]));
  for (let round = 0; round <= rounds; round++)
    for (const [key, work] of Object.entries(works)) {
      const [asked, began] = [model.cost.gradients, processorTime()];
      await work();
      const each = (1000 * (processorTime() - began)) / (model.cost.gradients - asked);
      // The first round warms up.
      if (round > 0) times[key] = Math.min(times[key], each);
    }
  const ratios = Object.keys(EPSILONS[name]).map(
    (norm) => `${norm} ${times[norm].toFixed(1)} (${(times[norm] / times.gradient).toFixed(2)})`,
  );
  process.stdout.write(
    `${name.padEnd(10)} microseconds a sample: gradient ${times.gradient.toFixed(1)}; a step of PGD, and its ratio: ${ratios.join(", ")}\n`,
  );
}

/** A network of 4.1 million multiply-adds for 3 x 32 x 32 pixels, He's initialisation. */
async function convnetGraph(dist) {
  const [{ Ops }, { emptyGraph }, { randomFor }] = await Promise.all([
    dist("onnx/ops.js"),
    dist("onnx/builder.js"),
    dist("random.js"),
  ]);
  const b = new Ops(emptyGraph("convnet"));
  let stream = 0;
  const weights = (...dims) => {
    const random = randomFor(0, 0, stream++);
    const count = dims.reduce((p, d) => p * d, 1);
    const scale = Math.sqrt(2 / (dims.length === 4 ? count / dims[0] : dims[0]));
    return b.constant({
      type: "float32",
      dims,
      data: Float32Array.from({ length: count }, () => scale * random.normal()),
    });
  };
  const conv = (x, from, to) =>
    b.add("Relu", [b.add("Conv", [x, weights(to, from, 3, 3)], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] })]);
  const pool = (x) => b.add("MaxPool", [x], { kernel_shape: [2, 2], strides: [2, 2] });
  const x = b.input({ name: "x", type: "float32", dims: ["N", 3, 32, 32] });
  const features = pool(conv(conv(pool(conv(x, 3, 16)), 16, 32), 32, 32));
  const hidden = b.add("Relu", [b.add("MatMul", [b.add("Flatten", [features], { axis: 1 }), weights(2048, 64)])]);
  return b.finish([b.add("MatMul", [hidden, weights(64, 10)])]);
}

/** Random pixels. */
async function colours(dist) {
  const { randomFor } = await dist("random.js");
  const random = randomFor(1, 0);
  return {
    type: "float32",
    dims: [BATCH, 3, 32, 32],
    data: Float32Array.from({ length: BATCH * 3072 }, () => random.uniform()),
  };
}
