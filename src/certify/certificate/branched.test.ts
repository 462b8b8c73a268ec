import { beforeAll, describe, expect, it } from "vitest";
import { runtime, withProgram } from "../../../test/support/gradient-check.ts";
import { emptyGraph } from "../../onnx/builder.ts";
import type { Graph } from "../../onnx/graph.ts";
import { Ops } from "../../onnx/ops.ts";
import { type Random, randomFor } from "../../random.ts";
import { tensor } from "../../tensor.ts";
import { openBounds } from "../bounds/bounds.ts";
import { branchedCertificate } from "./branched.ts";
import type { Certificate, Leaf } from "./certificate.ts";
import { checkCertificate } from "./check.ts";
import { certificateLine, readCertificate } from "./format.ts";
import { readLayers } from "./read.ts";
import { writeCertificate } from "./write.ts";

const [SIZE, CLASSES] = [6, 3];

/** Dense layers with Relu or LeakyRelu between them. */
function networkOf(random: Random): Graph {
  const b = new Ops(emptyGraph("random"));
  let x = b.input({ name: "x", type: "float32", dims: ["N", SIZE] });
  const floats = (dims: readonly [number] | readonly [number, number], scale: number) =>
    b.constant(
      tensor(
        "float32",
        dims,
        Float32Array.from({ length: dims[0] * (dims[1] ?? 1) }, () => scale * (2 * random.uniform() - 1)),
      ),
    );
  for (const [from, to] of [
    [SIZE, 10],
    [10, 8],
    [8, CLASSES],
  ] as const) {
    if (from !== SIZE)
      x = random.uniform() < 0.3 ? b.add("LeakyRelu", [x], { alpha: { float: 0.1 } }) : b.add("Relu", [x]);
    x = b.add("Gemm", [x, floats([to, from], 2 / Math.sqrt(from)), floats([to], 0.3)], { transB: 1 });
  }
  b.alias("logits", x);
  return b.finish(["logits"]);
}

/** Questions that one pass of lines does not answer, and the certificates of those that branch and bound does. */
async function branched(count: number) {
  const made: {
    readonly graph: Graph;
    readonly network: ReturnType<typeof readLayers>;
    readonly certificate: Certificate;
  }[] = [];
  for (let n = 0; made.length < count && n < 200; n++) {
    const random = randomFor(23, n);
    const graph = networkOf(random);
    const network = readLayers(graph);
    const x = Float32Array.from({ length: SIZE }, () => random.uniform());
    const boxOf = (epsilon: number) => ({ lower: x.map((v) => v - epsilon), upper: x.map((v) => v + epsilon) });
    const label = [0, 1, 2].find((k) => writeCertificate(network, { label: k, ...boxOf(1e-3) }));
    if (label === undefined) continue;
    const epsilon = [0.05, 0.1, 0.15, 0.2, 0.3].find((e) => !writeCertificate(network, { label, ...boxOf(e) }));
    if (epsilon === undefined) continue;
    const bounds = await openBounds(graph, runtime);
    const certificate = await branchedCertificate(
      network,
      bounds,
      { sample: n, label, ...boxOf(epsilon) },
      { most: 40 },
    );
    // Better slopes alone are enough for some.
    if (certificate?.leaves?.some((leaves) => leaves.length > 1)) made.push({ graph, network, certificate });
    await bounds.release();
  }
  return made;
}

/** Expects that no margin at 2,000 points of a box is below what is said. */
async function expectSound(
  graph: Graph,
  { label, lower, upper }: Certificate,
  margins: readonly number[],
): Promise<void> {
  const random = randomFor(29, 0);
  const points = Float32Array.from({ length: 2000 * SIZE }, (_, at) => {
    const [l, u] = [lower[at % SIZE]!, upper[at % SIZE]!];
    return Math.min(u, Math.max(l, l + (u - l) * (at % (2 * SIZE) < SIZE ? random.integer(2) : random.uniform())));
  });
  await withProgram(graph, async (program) => {
    const { logits } = await program.run({ x: tensor("float32", [2000, SIZE], points) });
    const z = logits!.data as Float32Array;
    const others = [...Array(CLASSES).keys()].filter((k) => k !== label);
    for (const [i, k] of others.entries())
      for (let p = 0; p < 2000; p++)
        if (z[p * CLASSES + label]! - z[p * CLASSES + k]! < margins[i]! - 1e-6)
          throw new Error(`At a point of the box, the margin to class ${k} is below ${margins[i]}.`);
  });
}

let made: Awaited<ReturnType<typeof branched>>;
beforeAll(async () => {
  made = await branched(3);
}, 60_000);

describe("certificates of branch and bound", () => {
  it("hold where one pass of lines proves nothing, and when they are read again", async () => {
    expect(made).toHaveLength(3);
    for (const { graph, network, certificate } of made) {
      const read = readCertificate(certificateLine(certificate), 2, network);
      expect(read).toEqual(certificate);
      const checked = checkCertificate(network, read);
      if (!checked.holds) throw new Error(checked.reason);
      await expectSound(graph, certificate, checked.margins);
    }
  });

  it("are sound with any pushes and slopes", async () => {
    const counts = { held: 0, tried: 0 };
    const random = randomFor(31, 0);
    for (const { graph, network, certificate } of made)
      for (let n = 0; n < 40; n++) {
        const scale = [0.01, 0.1, 1][n % 3]!;
        const other = ({ pushes, slopes, ...leaf }: Leaf): Leaf => ({
          ...leaf,
          pushes: pushes.map((push) => Math.max(0, push + scale * (2 * random.uniform() - 1))),
          slopes: slopes.map((slope) => slope + scale * (2 * random.uniform() - 1)),
        });
        const tried = {
          ...certificate,
          margins: certificate.margins.map(() => 1e-30),
          leaves: certificate.leaves!.map((leaves) => leaves.map(other)),
        };
        const checked = checkCertificate(network, tried);
        counts.tried++;
        if (!checked.holds) continue;
        counts.held++;
        await expectSound(graph, tried, checked.margins);
      }
    expect(counts.held).toBeGreaterThan(5);
    expect(counts.held).toBeLessThan(counts.tried);
  });

  const forged = (change: (leaves: readonly Leaf[]) => readonly Leaf[]): void => {
    for (const { network, certificate } of made) {
      const leaves = certificate.leaves!.map((of) => (of.length > 1 ? change(of) : of));
      expect(checkCertificate(network, { ...certificate, leaves }).holds).toBe(false);
    }
  };
  const first = (change: (leaf: Leaf) => Leaf) => forged(([leaf, ...others]) => [change(leaf!), ...others]);

  it.each<readonly [string, () => void]>([
    ["no leaf where one pass is not enough", () => forged(() => [])],
    ["a leaf too few", () => forged(([, ...others]) => others)],
    ["one leaf twice", () => forged(([leaf, , ...others]) => [leaf!, leaf!, ...others])],
    ["the other signs", () => first((leaf) => ({ ...leaf, positive: leaf.negative, negative: leaf.positive }))],
    [
      "signs of elements that are not there",
      () =>
        first((leaf) => ({
          ...leaf,
          positive: leaf.positive.map((n) => n + 1000),
          negative: leaf.negative.map((n) => n + 1000),
        })),
    ],
    [
      "an element of both signs",
      () =>
        first((leaf) => {
          const all = Int32Array.from([...leaf.positive, ...leaf.negative]).sort();
          return { ...leaf, positive: all, negative: all, pushes: new Float32Array(2 * all.length) };
        }),
    ],
    ["pushes below 0", () => first((leaf) => ({ ...leaf, pushes: leaf.pushes.map(() => -1) }))],
    ["pushes of NaN", () => first((leaf) => ({ ...leaf, pushes: leaf.pushes.map(() => Number.NaN) }))],
    [
      "pushes without end",
      () => first((leaf) => ({ ...leaf, pushes: leaf.pushes.map(() => Number.POSITIVE_INFINITY) })),
    ],
    ["huge pushes", () => first((leaf) => ({ ...leaf, pushes: leaf.pushes.map(() => 1e30) }))],
    ["pushes too few", () => first((leaf) => ({ ...leaf, pushes: leaf.pushes.slice(1) }))],
    ["slopes too few", () => first((leaf) => ({ ...leaf, slopes: leaf.slopes.slice(1) }))],
    ["slopes of NaN", () => first((leaf) => ({ ...leaf, slopes: leaf.slopes.map(() => Number.NaN) }))],
  ])("do not hold with %s", (_, check) => {
    expect(made.length).toBeGreaterThan(0);
    check();
  });
});
