import { PerturbError } from "../errors.ts";
import { sizeOf } from "../onnx/dims.ts";
import { writeOnnx } from "../onnx/file.ts";
import { describeDims, type Graph, type GraphValue } from "../onnx/graph.ts";
import type { Program, Runtime } from "../runtime.ts";
import type { Tensor } from "../tensor.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/**
 * Loads a graph whose answers are held against the shapes that it states: these were inferred, and a row that is missing
 * would be read as that of another sample. Named sizes are those of the inputs that are fed.
 * @throws runtime, device; the program also mismatch, for an answer of another shape or type
 */
export async function loadGraph(runtime: Pick<Runtime, "load">, graph: Graph, folder?: string): Promise<Program> {
  const program = await runtime.load(writeOnnx(graph), folder);
  return {
    ...program,
    async run(feeds, fetches) {
      const results = await program.run(feeds, fetches);
      const named = namedSizes(graph, feeds);
      for (const output of graph.outputs) {
        const answer = results[output.name];
        if (answer) checkAnswer(output, answer, named);
      }
      return results;
    },
  };
}

function namedSizes({ inputs }: Graph, feeds: Tensors): ReadonlyMap<string, number> {
  const named = new Map<string, number>();
  for (const { name, dims } of inputs)
    for (const [axis, size] of dims?.entries() ?? []) {
      const fed = feeds[name]?.dims[axis];
      if (typeof size === "string" && fed !== undefined) named.set(size, fed);
    }
  return named;
}

/** @throws mismatch */
function checkAnswer({ name, type, dims }: GraphValue, answer: Tensor, named: ReadonlyMap<string, number>): void {
  const sizes = dims?.map((size) => sizeOf(size, named));
  const fits =
    (type === null || answer.type === type) &&
    (!sizes ||
      (sizes.length === answer.dims.length &&
        sizes.every((size, axis) => size === null || size === answer.dims[axis])));
  if (fits) return;
  throw new PerturbError(
    "mismatch",
    `ONNX Runtime answers ${answer.type} ${describeDims(answer.dims)} for "${name}", where ${type ?? "any type"} ${describeDims(sizes ?? null)} follows from the graph. Its operators do not keep each sample to itself: export the model with the batch as the first axis of input and output.`,
    { data: { output: name, got: answer.dims, wanted: sizes } },
  );
}
