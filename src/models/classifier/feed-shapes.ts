import { PerturbError } from "../../errors.ts";
import { type Dim, describeDims, type Graph } from "../../onnx/graph.ts";
import { inferShapes } from "../../onnx/shapes.ts";
import { option } from "../../option.ts";
import type { Tensor } from "../../tensor.ts";
import { fedOnce } from "./feeds.ts";

/** `"m" (float32 [6, 60])`; undefined where nothing is given. */
export function describeFeeds(feeds: ReadonlyMap<string, Tensor> = new Map()): string | undefined {
  const said = [...feeds].map(([name, { type, dims }]) => `"${name}" (${type} [${dims.join(", ")}])`);
  return said.length > 0 ? said.join(" and ") : undefined;
}

/** What is thrown where a graph is refused by the runtime with what was given for its inputs; other errors are as they are. */
export function feedsRefused(
  { name, graph, fed }: { readonly name: string; readonly graph: Graph; readonly fed?: string },
  error: unknown,
): unknown {
  if (!(error instanceof PerturbError && error.code === "runtime")) return error;
  const clash = clashIn(fedOnce(graph));
  return new PerturbError(
    "mismatch",
    `${name} cannot be run with what is given for ${fed}: ${clash ? `${clash} there, which do not fit` : error.message}. Give a row for each sample, or one for all, in the shape that the model computes with (${option("feeds")}).`,
    { cause: error },
  );
}

const ELEMENTWISE = new Set(["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "PRelu", "And", "Or", "Mod"]);

/** The first node whose inputs do not fit each other, as far as shapes are known: "Mul takes [N, 6] and [6, 60]". */
function clashIn(graph: Graph): string | undefined {
  const facts = inferShapes(graph);
  for (const { op, domain, inputs } of graph.nodes) {
    const dims = inputs.map((input) => facts.get(input)?.dims ?? null);
    const known = dims.filter((d) => d !== null);
    const clash =
      domain === "" &&
      known.length === dims.length &&
      ((ELEMENTWISE.has(op) && known.some((a) => known.some((b) => !broadcasts(a, b)))) ||
        (op === "MatMul" && !multiplies(known[0]!, known[1]!)));
    if (clash) return `${op} takes ${known.map((d) => describeDims(d)).join(" and ")}`;
  }
  return undefined;
}

const broadcasts = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  Array.from({ length: Math.min(a.length, b.length) }, (_, i) => [a.at(-1 - i)!, b.at(-1 - i)!] as const).every(
    ([p, q]) => p === q || p === 1 || q === 1 || typeof p !== "number" || typeof q !== "number",
  );

function multiplies(a: readonly Dim[], b: readonly Dim[]): boolean {
  const [inner, outer] = [a.at(-1), b.length > 1 ? b.at(-2) : b.at(-1)];
  return typeof inner !== "number" || typeof outer !== "number" || inner === outer;
}
