import { didYouMean, PerturbError } from "../../errors.ts";
import { type Dim, describeDims, type Graph, prune } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { writeTensor } from "../../onnx/tensor-proto.ts";
import { option } from "../../option.ts";
import type { Tensor } from "../../tensor.ts";
import { fromInside } from "./inner-input.ts";

/** Which of a model's inputs is perturbed, what the others hold, and which value is the classifier's output. */
export interface Endpoints {
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  /** The other inputs, the same for every sample. */
  readonly feeds?: ReadonlyMap<string, Tensor> | undefined;
}

/** The graph with one input and one output. @throws usage for a name that it does not have; mismatch for a feed that does not fit */
export function selectEndpoints(whole: Graph, { input, output, feeds = new Map() }: Endpoints): Graph {
  const isInside = input !== undefined && !whole.inputs.some((v) => v.name === input);
  const graph = (isInside ? fromInside(whole, input) : null) ?? whole;
  const names = graph.inputs.map((v) => v.name);
  for (const name of [...feeds.keys(), ...(input === undefined ? [] : [input])])
    if (!names.includes(name)) throw unknown("input", name, names);
  const fed = new Map([...feeds].map(([name, t]) => [name, feed(graph, name, t)]));
  const inputs = graph.inputs.filter((v) => !feeds.has(v.name));
  const missing = inputs.filter((v) => v.name !== input);
  if (input !== undefined && missing.length > 0)
    throw new PerturbError(
      "usage",
      `With the input "${input}" perturbed, ${missing.map((v) => `"${v.name}" (${v.type ?? "any type"} ${describeDims(v.dims)})`).join(", ")} must be given (${option("feeds")}).`,
      { data: { missing: missing.map((v) => v.name) } },
    );
  const selected = { ...graph, inputs, initializers: new Map([...graph.initializers, ...fed]) };
  return output === undefined ? selected : withOutput(selected, output);
}

/** A fed input becomes a constant. */
function feed(graph: Graph, name: string, t: Tensor) {
  const { type, dims } = graph.inputs.find((v) => v.name === name)!;
  const fits = (d: Dim, i: number) => typeof d !== "number" || d === t.dims[i];
  if ((type !== null && type !== t.type) || (dims && (dims.length !== t.dims.length || !dims.every(fits))))
    throw new PerturbError(
      "mismatch",
      `The input "${name}" is ${type} ${describeDims(dims)}, and what is given for it is ${t.type} [${t.dims.join(", ")}]. Save an array of that type and shape.`,
      { data: { input: name } },
    );
  return writeTensor(name, t);
}

function withOutput(graph: Graph, name: string): Graph {
  const declared = graph.outputs.find((v) => v.name === name);
  const known = declared ?? graph.nodes.some((node) => node.outputs.includes(name));
  if (!known || name === "")
    throw unknown(
      "output",
      name,
      graph.outputs.map((v) => v.name),
    );
  const fact = declared ?? inferShapes(graph).get(name);
  return prune(graph, [{ name, type: fact?.type ?? null, dims: fact?.dims ?? null }]);
}

const unknown = (kind: string, name: string, names: readonly string[]): PerturbError =>
  new PerturbError(
    "usage",
    `The model has no ${kind} named "${name}". It has ${names.map((n) => `"${n}"`).join(", ") || "none"}.${didYouMean(name, names)}`,
    { data: { [kind]: name, known: names } },
  );
