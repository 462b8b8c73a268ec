// perturb's side of bench/gradients.js, in a process of its own so that its memory is its own: compiles a graph, then
// answers "run" with the milliseconds of one run and the peak memory. Arguments: FILE forward|gradient THREADS. Of one thread
// the processor's time counts, which other programs do not change.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , path, kind, threads] = process.argv;
const dist = (file) => import(new URL(`../dist/${file}`, import.meta.url).href);
const [{ readOnnx, writeOnnx }, { asClassifier, differentiate }, { nodeRuntime }] = await Promise.all([
  dist("onnx/file.js"),
  dist("autodiff/differentiate.js"),
  dist("runtime/ort.node.js"),
]);
const BATCH = 8;
const SHAPE = [3, 224, 224];

async function compiled() {
  const classifier = asClassifier(readOnnx(new Uint8Array(readFileSync(path)), path), SHAPE);
  return nodeRuntime("cpu", Number(threads)).load(
    writeOnnx(kind === "forward" ? classifier.graph : differentiate(classifier)),
  );
}
const program = await compiled();
const data = Float32Array.from({ length: BATCH * 3 * 224 * 224 }, (_, i) => (i * 0.618034) % 1);
const x = { type: "float32", dims: [BATCH, ...SHAPE], data };
const labels = { type: "int64", dims: [BATCH], data: BigInt64Array.from({ length: BATCH }, (_, i) => BigInt(i)) };
const feeds = kind === "forward" ? { x } : { x, labels };

const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const now = threads === "1" ? processorTime : () => performance.now();
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
answer({});
for await (const _ of createInterface({ input: process.stdin })) {
  const start = now();
  await program.run(feeds);
  answer({ ms: now() - start, peak: process.resourceUsage().maxRSS / 1024 });
}
