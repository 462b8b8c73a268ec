import { backward } from "../../autodiff/engine.ts";
import { simplifiedForBounds } from "../../autodiff/lower.ts";
import type { Interval } from "../../autodiff/relaxation.ts";
import { type Dim, type Graph, type Node, valuesRead } from "../../onnx/graph.ts";
import { merged } from "../../onnx/merged.ts";
import { Ops } from "../../onnx/ops.ts";
import { loadGraph } from "../../runtime/load-graph.ts";
import type { Program, Runtime } from "../../runtime.ts";
import { type CrownOptions, crown } from "./crown.ts";
import { type Arithmetic, type Enclosed, enclose } from "./enclose.ts";
import { linearised } from "./linearised.ts";
import { advised, chosen, found, known, ofSamples } from "./names.ts";
import { type Pool, poolOf } from "./pools.ts";
import { bendsAtZero, isCut, readersOf, relaxedBefore } from "./readers.ts";
import { type Layer, originsOf, tellTerms } from "./terms.ts";
import { type Windowed, windowed } from "./windows.ts";

/** A value that a nonlinear node reads, whose ends decide how tight its lines are. */
export interface Frontier {
  readonly value: string;
  /** Shape for one sample. */
  readonly shape: readonly number[];
  /** Whether better ends of an element could help. */
  readonly isOpen: (lower: number, upper: number) => boolean;
  /** Whether intervals alone are exact: nothing nonlinear is before it. */
  readonly isFirst: boolean;
  /** The pool that alone reads it. */
  readonly pool?: Pool | undefined;
  /** Whether all that read it are linear on both sides of 0. */
  readonly bendsAtZero: boolean;
}

type WindowProgram = Windowed & { readonly program: Program };

/** The graphs that bound a classifier, in the order in which they are run. */
export interface BoundPrograms {
  readonly frontiers: readonly Frontier[];
  /** The graph's output. */
  readonly output: string;
  /** Inputs `centre`, `lower`, `upper` [samples, ...], and the ends known of each frontier; outputs the ends, in float32. */
  readonly intervals: Program | undefined;
  /** The nodes that are not linear, by their first outputs, and what each is in the graph that was given. */
  readonly layers: ReadonlyMap<string, Layer>;
  /** The bounds of the output, with `terms`: its value at the centre, and what each layer adds to the bound. */
  readonly terms: (isApart: boolean) => Promise<Program>;
  /** Bounds of a value: the same inputs, and `seed` [samples·rows, ...]; outputs `bound`, float64 [samples, rows], and `slope`; apart, `base` without what the input loses. */
  readonly boundOf: (value: string, isFlat: boolean, isApart?: boolean) => Promise<Program>;
  /** Bounds of a value at one position each, where it hangs on a window of the input: then samples are positions of samples. */
  readonly windowed: (value: string, isApart?: boolean) => Promise<WindowProgram | undefined>;
  /** The bounds of a value with a share and a push for each frontier before it that bends at zero, each [samples, ...]. */
  readonly tuned: (value: string) => Promise<Program>;
  /** The same over the real numbers, as float32 comes to it. */
  readonly guess: (value: string) => Promise<Program>;
  /** That, the gradients of its sum by the share and the push of each such frontier, and what reaches the nodes that read it. */
  readonly tuning: (value: string) => Promise<Program>;
  /** A value as a linear function, where the network is one but for Relus. */
  readonly linear: ((value: string) => Promise<Program>) | undefined;
  readonly release: () => Promise<void>;
}

const SAMPLES = "samples";

interface Opened {
  readonly b: Ops;
  readonly nodes: readonly Node[];
  readonly enclosed: Enclosed;
  /** In the order of the graph. */
  readonly frontiers: readonly string[];
}

/** The graph with what is known of its values over a box. @throws unsupported */
function open(graph: Graph, arithmetic: Arithmetic): Opened {
  const b = new Ops(graph);
  const nodes = [...b.nodes];
  const x = graph.inputs[0]!;
  const dims: readonly Dim[] = [SAMPLES, ...x.dims!.slice(1)];
  const input = (name: string, shape = dims) => b.input({ name, type: "float32", dims: shape });
  const box = { centre: input("centre"), lower: input("lower"), upper: input("upper") };
  const frontiers: string[] = [];
  const refine = (value: string, ends: Interval): Interval => {
    frontiers.push(value);
    const shape = [SAMPLES, ...b.sizes(value, 1)];
    const names = known(value);
    return {
      lower: b.add("Max", [ends.lower, input(names.lower, shape)]),
      upper: b.add("Min", [ends.upper, input(names.upper, shape)]),
    };
  };
  const constants = new Map(
    graph.inputs.slice(1).map(({ name, dims: of }) => [name, input(ofSamples(name), [SAMPLES, ...of!.slice(1)])]),
  );
  const enclosed = enclose(b, nodes, { boxes: new Map([[x.name, box]]), refine, arithmetic, constants });
  return { b, nodes, enclosed, frontiers };
}

/**
 * The graphs that bound the values of a classifier (`x` [N, ...] to `logits` [N, classes]).
 * @throws unsupported where an operator has no bounds
 */
export async function boundPrograms(
  classifier: Graph,
  runtime: Runtime,
  arithmetic: Arithmetic,
): Promise<BoundPrograms> {
  const graph = simplifiedForBounds(classifier);
  const first = open(graph, arithmetic);
  const { b, enclosed, frontiers } = first;
  for (const value of frontiers) {
    const { lower, upper } = enclosed.values.get(value)!;
    b.alias(found(value).lower, lower);
    b.alias(found(value).upper, upper);
  }
  const outputs = frontiers.flatMap((value) => Object.values(found(value)));
  const loaded: Promise<Program>[] = [];
  const load = (made: Graph): Promise<Program> => {
    const program = loadGraph(runtime, usedInputs(merged(made)));
    loaded.push(program);
    return program;
  };
  const intervals = outputs.length > 0 ? await load(b.finish(outputs)) : undefined;
  const made = new Map<string, Promise<Program>>();
  const windows = new Map<string, Windowed | undefined>();
  /** The kind of a program stands first, so that no value can have the name of another one's program. */
  const once = (key: string, graphOf: () => Graph): Promise<Program> => {
    const program = made.get(key) ?? load(graphOf());
    made.set(key, program);
    return program;
  };
  const lines = linearised(graph, frontiers);
  const output = graph.outputs[0]!.name;
  const nonlinear = [...enclosed.relaxed.keys()];
  const origins = originsOf(graph, classifier, nonlinear);
  return {
    frontiers: frontiers.map((value): Frontier => {
      const readers = readersOf(value, enclosed);
      return {
        value,
        shape: b.sizes(value, 1),
        isOpen: (l, u) => readers.some(({ node, relaxation }) => relaxation.isOpen(node, l, u)),
        isFirst: !relaxedBefore(first.nodes, value, enclosed),
        bendsAtZero: bendsAtZero(readers),
        pool:
          readers.length === 1
            ? poolOf(readers[0]!.node, b.sizes(value, 1), isCut(first.nodes, graph, readers[0]!.node))
            : undefined,
      };
    }),
    output,
    intervals,
    layers: new Map(nonlinear.map((name, i) => [name, origins[i]!])),
    terms: (isApart) =>
      once(`terms${isApart ? "-apart" : ""} ${output}`, () =>
        boundGraph(graph, output, { arithmetic, isFlat: false, isApart }, nonlinear),
      ),
    boundOf: (value, isFlat, isApart = false) =>
      once(`${isFlat ? "flat" : "lines"}${isApart ? "-apart" : ""} ${value}`, () =>
        boundGraph(graph, value, { arithmetic, isFlat, isApart }),
      ),
    async windowed(value, isApart = false) {
      const found = windows.has(value) ? windows.get(value) : windowed(graph, value);
      windows.set(value, found);
      if (!found) return undefined;
      const how = { arithmetic, isFlat: false, isApart };
      const key = `window${isApart ? "-apart" : ""} ${value}`;
      return { ...found, program: await once(key, () => boundGraph(found.graph, value, how)) };
    },
    tuned: (value) => once(`tuned ${value}`, () => tunedGraph(graph, value, arithmetic, false)),
    guess: (value) => once(`guess ${value}`, () => tunedGraph(graph, value, "real", false)),
    tuning: (value) => once(`tuning ${value}`, () => tunedGraph(graph, value, "real", true)),
    linear: lines && ((value) => once(`linear ${value}`, () => lines.of(value))),
    release: async () => {
      await Promise.all(loaded.map(async (program) => (await program).release()));
    },
  };
}

/** Without the inputs that nothing reads: of what only goes backwards, the network's own are among them. */
function usedInputs(graph: Graph): Graph {
  const read = new Set(graph.nodes.flatMap(valuesRead));
  return { ...graph, inputs: graph.inputs.filter(({ name }) => read.has(name)) };
}

function boundGraph(
  graph: Graph,
  value: string,
  how: Pick<CrownOptions, "arithmetic" | "isFlat" | "isApart">,
  told?: readonly string[],
): Graph {
  const { b, enclosed } = open(graph, how.arithmetic);
  const batch = graph.inputs[0]!.dims![0]!;
  // Rows have the batch of the graph: what goes backwards has the shape of what went forwards.
  const seed = b.input({ name: "seed", type: "float32", dims: [batch, ...b.sizes(value, 1)] });
  const made = crown(b, { input: graph.inputs[0]!.name, of: value, seed, ...how }, enclosed);
  const name = how.isApart ? "base" : "bound";
  b.alias(name, made.bound);
  b.alias("slope", made.slope);
  return b.finish([
    name,
    "slope",
    ...(told ? [tellTerms(b, made, enclosed.values.get(graph.inputs[0]!.name)!.centre, told)] : []),
  ]);
}

/** One row for each sample. */
function tunedGraph(graph: Graph, value: string, arithmetic: Arithmetic, withGradients: boolean): Graph {
  const [x] = graph.inputs;
  const one = { ...graph, inputs: [{ ...x!, dims: [SAMPLES, ...x!.dims!.slice(1)] }, ...graph.inputs.slice(1)] };
  const { b, enclosed, frontiers } = open(one, arithmetic);
  const seed = b.input({ name: "seed", type: "float32", dims: [SAMPLES, ...b.sizes(value, 1)] });
  const bent = frontiers.filter((name) => bendsAtZero(readersOf(name, enclosed)));
  const inputs = new Map(
    bent.map((name) => {
      const input = (as: string) => b.input({ name: as, type: "float32", dims: [SAMPLES, ...b.sizes(name, 1)] });
      const { share, push } = chosen(name);
      return [name, { share: input(share), push: input(push) }];
    }),
  );
  const tuning = {
    share: (name: string) => inputs.get(name)?.share,
    push: (name: string) => inputs.get(name)?.push,
  };
  const how = { arithmetic, isFlat: false, tuning };
  const { bound, slope, coefficients } = crown(b, { input: graph.inputs[0]!.name, of: value, seed, ...how }, enclosed);
  b.alias("bound", bound);
  b.alias("slope", slope);
  const outputs = ["bound", "slope"];
  if (!withGradients) return b.finish(outputs);
  const reached = bent.filter((name) => coefficients.has(name));
  const wrt = reached.flatMap((name) => Object.values(inputs.get(name)!));
  const gradients = backward(b, bound, b.full(1, bound), wrt);
  for (const [i, name] of reached.entries()) {
    const names = advised(name);
    b.alias(names.share, gradients[2 * i]!);
    b.alias(names.push, gradients[2 * i + 1]!);
    b.alias(names.coefficient, coefficients.get(name)!);
    outputs.push(...Object.values(names));
  }
  return b.finish(outputs);
}
