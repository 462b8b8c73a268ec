// CROWN of conv16-conv32-fc100 (../shared/reference/certify/auto_lirpa/kw.onnx), ε .1: processor time for each image, in turn with a plain CROWN in
// PyTorch that bounds each neuron of the same network as we do.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const NETWORK = join(root, "../shared/reference/certify/auto_lirpa/kw.onnx");
const [EPSILON, CLASSES] = [0.1, 10];

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Gives the time and the least margin of each image, on request. */
async function ours(dist, images) {
  const [{ openBounds }, { ball }, { asClassifier }, { readOnnx }, { nodeRuntime, openDataset }] = await Promise.all([
    dist("certify/bounds/bounds.js"),
    dist("certify/bounds/box.js"),
    dist("autodiff/differentiate.js"),
    dist("onnx/file.js"),
    dist("node.js"),
  ]);
  const bounds = await openBounds(asClassifier(readOnnx(readFileSync(NETWORK))).graph, nodeRuntime("cpu", 1));
  const { value } = await (await openDataset("mnist")).batches({ batch: images })[Symbol.asyncIterator]().next();
  const { x, labels } = value;
  const box = ball(x, EPSILON, { lower: 0, upper: 1 });
  const rows = images * (CLASSES - 1);
  const seed = { type: "float32", dims: [rows, CLASSES], data: new Float32Array(rows * CLASSES) };
  const samples = new Int32Array(rows);
  let row = 0;
  for (const [i, label] of labels.entries())
    for (let k = 0; k < CLASSES; k++)
      if (k !== label) {
        seed.data[row * CLASSES + label] = 1;
        seed.data[row * CLASSES + k] = -1;
        samples[row++] = i;
      }
  const run = async () => {
    const start = processorMs();
    const lower = await bounds.lower(box, { seed, samples });
    const margins = Array.from(labels, (_, i) =>
      Math.min(...lower.subarray(i * (CLASSES - 1), (i + 1) * (CLASSES - 1))),
    );
    return { ms: (processorMs() - start) / images, margins };
  };
  return { run, x, labels, release: () => bounds.release() };
}

async function theirs(python, { x, labels }) {
  if (!existsSync(python)) return null;
  const child = spawn(python, [join(root, "bench/certify.py"), NETWORK, String(EPSILON)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (line) => {
    child.stdin.write(`${line}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("PyTorch's side ended early.");
    return JSON.parse(value);
  };
  await ask(JSON.stringify({ x: Array.from(x.data), labels: Array.from(labels) }));
  return { run: () => ask("run"), quit: () => child.stdin.end("quit\n") };
}

const least = (values) => Math.min(...values);

/** `dist` imports a module of the build. */
export async function benchCertify(dist, { python, rounds, images }) {
  if (!existsSync(NETWORK)) {
    process.stdout.write("certify: skipped, there is no ../shared/reference/certify.\n");
    return;
  }
  const our = await ours(dist, images);
  const their = await theirs(python, our);
  const times = { ours: [], theirs: [] };
  for (let round = 0; round <= rounds; round++) {
    const a = await our.run();
    const b = their && (await their.run());
    // The first round prepares.
    if (round === 0) {
      const gap = b
        ? Math.max(...a.margins.map((m, i) => Math.abs(m - b.margins[i]) / Math.max(1, Math.abs(m))))
        : null;
      if (gap !== null)
        process.stdout.write(`least margins differ by ${(100 * gap).toFixed(1)} % at most: ours allow for rounding\n`);
      continue;
    }
    times.ours.push(a.ms);
    if (b) times.theirs.push(b.ms);
  }
  process.stdout.write(
    `CROWN, ${images} images, ε ${EPSILON}: ${least(times.ours).toFixed(1)} ms of processor time an image\n`,
  );
  if (their) {
    const [a, b] = [least(times.ours), least(times.theirs)];
    process.stdout.write(`plain CROWN in PyTorch, one thread: ${b.toFixed(1)} ms, ${(b / a).toFixed(2)} of ours\n`);
    their.quit();
  }
  await our.release();
}
