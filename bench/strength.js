// How strong the attacks are, sample by sample: on LeNet and on the adversarially trained network. Prints Markdown, and keeps
// what became of each sample in bench/out/strength-<network>.json. The numbers depend on nothing but the seed.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const SEED = 0;

const NETWORKS = {
  robust: { epsilons: [0.3], samples: { cheap: 1000, dear: 200, l2: 100 } },
  lenet: { epsilons: [0.1, 0.2], samples: { cheap: 1000, dear: 200, l2: 100 } },
};

/** Inside a budget: name in the table, attack, cost, options where they are not the defaults. */
const INSIDE = [
  ["FGSM", "fgsm", "cheap"],
  ["PGD-40", "pgd", "cheap"],
  ["APGD-CE", "apgd-ce", "cheap"],
  ["PGD-100 x 10", "pgd", "dear", { steps: 100, stepSize: "0.025eps", restarts: 10 }],
  ["AutoAttack", "autoattack", "dear"],
  ["APGD-T", "apgd-t", "dear"],
  ["Square", "square", "dear"],
  ["FAB-T", "fab-t", "dear"],
];
/** What the first fools, the second has to fool. */
const ORDERED = [
  ["FGSM", "PGD-40"],
  ["PGD-40", "PGD-100 x 10"],
  ...["FGSM", "PGD-40", "PGD-100 x 10", "APGD-CE", "APGD-T", "FAB-T", "Square"].map((name) => [name, "AutoAttack"]),
];
const LEAST = [
  ["DDN", "ddn", "l2"],
  ["C&W", "cw", "l2"],
  ["FMN", "fmn", "l2"],
  ["FAB-T", "fab-t", "l2"],
  ["EAD", "ead", "l2"],
];
/** An L2 budget that no image of 784 pixels exhausts: the least change is wanted. */
const WHOLE = 28;

const say = (text = "") => process.stdout.write(`${text}\n`);
const row = (...cells) => say(`| ${cells.join(" | ")} |`);
const head = (...cells) => {
  say();
  row(...cells);
  say(`|---|${"---:|".repeat(cells.length - 1)}`);
};
const percent = (count, total) => `${((100 * count) / total).toFixed(1)} %`;

/**
 * `networks`: which, by name; `samples`: at most so many; `weights`: of LeNet; `resume`: what an earlier run kept is not done
 * again, and must come from the same sources; `dist` imports a module of the build.
 */
export async function benchStrength(dist, { networks, samples, weights, resume }) {
  const [{ openModel, nodeRuntime, openDataset }, { evaluate }, { attacks }] = await Promise.all([
    dist("node.js"),
    dist("index.js"),
    dist("attacks/index.js"),
  ]);
  const files = {
    robust: [join(root, "models/conv-mnist-robust.onnx"), {}],
    lenet: [weights, { arch: "lenet" }],
  };
  const data = await openDataset("mnist");
  const folder = join(root, "bench/out");
  mkdirSync(folder, { recursive: true });
  for (const network of networks) {
    const [path, options] = files[network];
    const model = await openModel(path, { ...options, runtime: nodeRuntime("cpu", 1) });
    const { epsilons, samples: wanted } = NETWORKS[network];
    const file = join(folder, `strength-${network}.json`);
    const { sha256 } = model.file;
    const kept = resume && existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    const runs = kept.sha256 === sha256 ? kept : { network, sha256, seed: SEED, inside: {}, least: {} };
    /** Gives `to[title]` the records of one attack alone on the first images. */
    const meet = async (to, [title, attack, cost, options], norm, budgets) => {
      const limit = Math.min(samples, wanted[cost]);
      if (to[title]?.records.length === limit) return;
      const records = [];
      const began = performance.now();
      const { evaluation } = await evaluate(model, data, {
        attacks: [attacks[attack].with(options ?? {})],
        norm,
        epsilons: budgets,
        limit,
        seed: SEED,
        followUp: false,
        onRecords: (some) => void records.push(...some),
      });
      const seconds = (performance.now() - began) / 1000;
      process.stderr.write(`${network}, ${norm}: ${title}, ${limit} images, ${seconds.toFixed(0)} s\n`);
      to[title] = {
        norm,
        settings: evaluation.options.settings,
        records,
        seconds,
      };
      writeFileSync(file, JSON.stringify(runs));
    };
    for (const entry of INSIDE) await meet(runs.inside, entry, "linf", epsilons);
    for (const entry of LEAST) await meet(runs.least, entry, "l2", [WHOLE]);
    tables(runs, epsilons);
    await model.release();
  }
}

/** Whether a sample is correct and not fooled. */
const counts = (record, epsilon) =>
  record.outcome !== "misclassified" &&
  record.outcome !== "error" &&
  !(record.epsilon !== null && record.epsilon <= epsilon);

function tables({ network, sha256, inside, least }, epsilons) {
  const sizes = [...new Set(Object.values(inside).map(({ records }) => records.length))].sort((a, b) => a - b);
  const clean = inside.FGSM.records;
  say(`\n## ${network} (SHA-256 ${sha256.slice(0, 12)}…)`);
  const columns = epsilons.flatMap((epsilon) => sizes.map((size) => ({ epsilon, size })));
  head("Accuracy, L∞", ...columns.map(({ epsilon, size }) => `ε ${epsilon}, first ${size}`), "seconds");
  row("none", ...columns.map(({ size }) => percent(clean.slice(0, size).filter((r) => counts(r, 0)).length, size)), "");
  for (const [title] of INSIDE) {
    const { records, seconds } = inside[title];
    const left = ({ epsilon, size }) =>
      records.length < size ? "" : percent(records.slice(0, size).filter((r) => counts(r, epsilon)).length, size);
    row(title, ...columns.map(left), seconds.toFixed(0));
  }

  head("Fooled by the first, not by the second", ...epsilons.map((epsilon) => `ε ${epsilon}`), "images");
  for (const [weaker, stronger] of ORDERED) {
    const [a, b] = [inside[weaker].records, inside[stronger].records];
    const images = Math.min(a.length, b.length);
    const fooled = (epsilon) =>
      a
        .slice(0, images)
        .flatMap((record, i) => (!counts(record, epsilon) && counts(b[i], epsilon) ? [record.index] : []));
    row(`${weaker}, ${stronger}`, ...epsilons.map((epsilon) => named(fooled(epsilon))), images);
  }

  // With several budgets a record tells who fooled a sample at the least of them alone.
  if (epsilons.length === 1) members(inside.AutoAttack.records, epsilons[0]);
  leastTable(least);
}

/** The robust accuracy after each member of AutoAttack. */
function members(records, epsilon) {
  head("AutoAttack after", "robust accuracy", "of images");
  const run = new Set();
  for (const member of ["apgd-ce", "apgd-t", "fab-t", "square"]) {
    run.add(member);
    const left = records.filter((r) => counts(r, epsilon) || (r.outcome === "fooled" && !run.has(r.attack)));
    row(member, percent(left.length, records.length), `${left.length} of ${records.length}`);
  }
}

/** How many samples there are, and which, where there are few. */
const named = (indices) => {
  const some = indices.slice(0, 8).join(", ");
  return indices.length === 0 ? "0" : `${indices.length} (image ${some}${indices.length > 8 ? ", …" : ""})`;
};

function leastTable(least) {
  const images = least.DDN.records.length;
  const found = LEAST.map(([title]) => {
    const { records, seconds } = least[title];
    const attacked = records.filter((r) => r.outcome !== "misclassified");
    return {
      title,
      seconds,
      distances: attacked.map((r) => r.l2 ?? Number.POSITIVE_INFINITY),
    };
  });
  const best = Math.min(...found.map(({ distances }) => quantile(distances, 0.5)));
  head(`Distance, L2, first ${images}`, "found", "10 %", "median", "90 %", "median over the best", "seconds");
  for (const { title, distances, seconds } of found)
    row(
      title,
      percent(distances.filter(Number.isFinite).length, distances.length),
      ...[0.1, 0.5, 0.9].map((q) => quantile(distances, q).toFixed(3)),
      (quantile(distances, 0.5) / best).toFixed(3),
      seconds.toFixed(0),
    );
}

/** Between the two nearest of the sorted values. */
function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below === above ? below : below + (place % 1) * (above - below);
}
