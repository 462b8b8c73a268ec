import { didYouMean, PerturbError } from "../../errors.ts";
import { describeDims, type Graph, prune } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { option } from "../../option.ts";
import type { Tensor } from "../../tensor.ts";
import { feedInputs } from "./feeds.ts";
import { fromInside } from "./inner-input.ts";

/** Which of a model's inputs is perturbed, what the others hold, and which value is the classifier's output. */
export interface Endpoints {
  readonly input?: string | undefined;
  readonly output?: string | undefined;
  /** The other inputs: the same for every sample, or with a row for each sample of the data set. */
  readonly feeds?: ReadonlyMap<string, Tensor> | undefined;
}

/**
 * The graph with one input and one output. What is fed for all samples becomes a constant; inputs that take a row for each sample
 * stand behind the one perturbed. @throws usage for a name that it does not have; mismatch for a feed that does not fit
 */
export function selectEndpoints(whole: Graph, { input, output, feeds = new Map() }: Endpoints): Graph {
  const isInside = input !== undefined && !whole.inputs.some((v) => v.name === input);
  const graph = (isInside ? fromInside(whole, input) : null) ?? whole;
  const names = graph.inputs.map((v) => v.name);
  for (const name of [...feeds.keys(), ...(input === undefined ? [] : [input])])
    if (!names.includes(name)) throw unknown("input", name, names);
  const inputs = graph.inputs.filter((v) => !feeds.has(v.name));
  const missing = inputs.filter((v) => v.name !== input);
  if (input !== undefined && missing.length > 0)
    throw new PerturbError(
      "usage",
      `With the input "${input}" perturbed, ${missing.map((v) => `"${v.name}" (${v.type ?? "any type"} ${describeDims(v.dims)})`).join(", ")} must be given (${option("feeds")}).`,
      { data: { missing: missing.map((v) => v.name) } },
    );
  const selected = output === undefined ? graph : withOutput(graph, output);
  return feeds.size === 0 ? selected : feedInputs(selected, feeds);
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
