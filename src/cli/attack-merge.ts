import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PerturbError } from "../errors.ts";
import { product, type Tensor, tensor } from "../tensor.ts";
import { nameFor, withFiles } from "./attack-arrays.ts";
import { sinkOf } from "./attack-rows.ts";
import { type KeptAttack, readShard, SHARD_FILE, unfit } from "./attack-shard.ts";
import { fillAtomically, requireFree, requireWritable } from "./files.ts";

const ARRAYS = "adversarial.npz";

/** The samples of one shape in a shard: its file, by shape. */
interface Piece {
  readonly path: string;
  readonly shard: KeptAttack;
  /** The shape of a sample. */
  readonly shape: readonly number[];
  /** Samples: the file has a row for each, at each ε. */
  readonly count: number;
}

/**
 * Puts the examples of all shards together: the files that one run writes. Gives the shards in order.
 * @throws usage for a shard that is missing or doubled; mismatch for one of another run; not-found, invalid-file
 */
export async function mergeAttacks(folders: readonly string[], out: string): Promise<readonly KeptAttack[]> {
  const [{ ADVICE, inOrder }, { checkFacts }] = await Promise.all([
    import("../evaluate/state/shards.node.ts"),
    import("../evaluate/state/heading.node.ts"),
  ]);
  const shards = inOrder(await Promise.all(folders.map(readShard)));
  const [first] = shards as [KeptAttack, ...KeptAttack[]];
  for (const { folder, facts, pictures } of shards) {
    checkFacts(folder, facts, first.facts, ADVICE);
    if (pictures !== first.pictures)
      throw new PerturbError(
        "mismatch",
        `Only one of ${first.folder} and ${folder} holds pictures (--png). Run one of them again like the other.`,
      );
  }
  const toFile = out.endsWith(".npz");
  if (toFile && first.pictures)
    throw new PerturbError("usage", `The shards hold pictures, and --out ${out} is a file. Give a folder.`);
  await (toFile ? requireWritable(out) : requireFree(out));
  const pieces = (await Promise.all(shards.map(piecesOf))).flat();
  if (toFile) await mergeArrays(pieces, out, true);
  else
    await fillAtomically(out, async (folder) => {
      await mergeArrays(pieces, join(folder, ARRAYS), false);
      for (const shard of shards) await copyPictures(shard.folder, folder);
    });
  return shards;
}

/** Files of examples in a shard. @throws invalid-file where they do not hold what it says */
async function piecesOf(shard: KeptAttack): Promise<Piece[]> {
  const { folder, epsilons, samples } = shard;
  const names = (await readdir(folder)).filter((name) => /^adversarial(-\d+x\d+)?\.npz$/.test(name)).sort();
  const pieces: Piece[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const { dims } = (await arraysIn(path)).get("x") ?? { dims: [] };
    const count = (dims[0] ?? 0) / epsilons.length;
    if (!(Number.isInteger(count) && count > 0)) throw unfit(path, `its array x has the dimensions [${dims}]`);
    pieces.push({ path, shard, shape: dims.slice(1), count });
  }
  const found = pieces.reduce((sum, { count }) => sum + count, 0);
  if (found !== samples) throw unfit(folder, `it has ${found} samples, and ${SHARD_FILE} says ${samples}`);
  return pieces;
}

async function arraysIn(path: string): Promise<Map<string, Tensor>> {
  const { readNpz } = await import("../datasets/npz.ts");
  return readNpz(new Uint8Array(await readFile(path)), path);
}

/** @throws usage for samples of several sizes where a single file is wanted; invalid-file */
async function mergeArrays(pieces: readonly Piece[], out: string, isSingle: boolean): Promise<void> {
  const shapes = [...new Map(pieces.map(({ shape }) => [String(shape), shape])).values()];
  if (isSingle && shapes.length > 1)
    throw new PerturbError(
      "usage",
      `The samples have ${shapes.length} sizes, and an array holds those of one. Give a folder for a file of each size: --out DIR.`,
    );
  const paths = shapes.map((shape) => (shapes.length === 1 ? out : nameFor(out, shape)));
  await withFiles(paths, async (handles) => {
    for (const [i, shape] of shapes.entries()) {
      const parts = pieces.filter((piece) => String(piece.shape) === String(shape));
      await mergeShape(parts, sinkOf(handles[i]!));
    }
  });
}

/** The rows of ε number k, of all parts in order, behind those of all ε before it. */
async function mergeShape(parts: readonly Piece[], sink: ReturnType<typeof sinkOf>): Promise<void> {
  const { createNpz } = await import("../datasets/npz-stream.ts");
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const epsilons = parts[0]!.shard.epsilons.length;
  let npz: ReturnType<typeof createNpz<string>> | undefined;
  let layout = "";
  let before = 0;
  for (const { path, count } of parts) {
    const arrays = await arraysIn(path);
    const own = JSON.stringify(Array.from(arrays, ([name, { type, dims }]) => [name, type, dims.slice(1)]));
    const whole = Array.from(arrays, ([name, { type, dims }]) => [
      name,
      { type, dims: [epsilons * total, ...dims.slice(1)] },
    ]);
    npz ??= createNpz<string>(Object.fromEntries(whole), sink);
    layout ||= own;
    const rows = Array.from(arrays.values(), ({ dims }) => dims[0]);
    if (own !== layout || rows.some((n) => n !== epsilons * count))
      throw unfit(path, `its arrays are not those of the other shards, with ${epsilons * count} rows each`);
    for (const [name, t] of arrays)
      for (let k = 0; k < epsilons; k++) await npz.write(name, k * total + before, rowsOf(t, k * count, count));
    before += count;
  }
  await npz!.finish();
}

function rowsOf({ type, dims, data }: Tensor, from: number, count: number): Tensor {
  const size = product(dims.slice(1));
  const part = data.subarray(from * size, (from + count) * size);
  return tensor(type, [count, ...dims.slice(1)], part as never);
}

/** The pictures of a shard, and what is said about them. Their names tell samples apart. */
async function copyPictures(from: string, to: string): Promise<void> {
  const names = (await readdir(from, { recursive: true })).map((name) => name.replaceAll("\\", "/"));
  for (const name of names.filter((one) => one === "README.txt" || /^eps-[^/]+\/\d+\/[^/]+\.png$/.test(one))) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await copyFile(join(from, name), join(to, name));
  }
}
