import { PerturbError } from "../../errors.ts";
import { describeNode, type Graph, type Node } from "../../onnx/graph.ts";
import { withConstants } from "./constants.ts";
import { type Parameter, storedAs } from "./find.ts";

/** What a BatchNormalization knows of the values that it gets: [channels] each. */
export interface StoredStatistics {
  /** By the names and in the types that they have in the file. */
  readonly mean: Parameter;
  readonly variance: Parameter;
  /** What the classifier calls them. */
  readonly values: { readonly mean: string; readonly variance: string };
}

export const isNormalization = ({ op, domain }: Node): boolean => op === "BatchNormalization" && domain === "";

/**
 * The statistics that a file stores, in the order of the nodes that take them. Those that it holds in another form, such as inside of a function,
 * are left out. @throws unsupported where a tensor is a statistic and something else besides, as tools leave it that store equal tensors once
 */
export function storedStatistics(classifier: Graph, stored: Graph): StoredStatistics[] {
  const find = storedAs(classifier, stored);
  const { initializers } = withConstants(classifier);
  const uses = new Map<string, number>();
  for (const name of classifier.nodes.flatMap(({ inputs }) => inputs)) uses.set(name, (uses.get(name) ?? 0) + 1);
  return classifier.nodes.filter(isNormalization).flatMap((node) => {
    const [of, spread] = [node.inputs[3]!, node.inputs[4]!];
    const [mean, variance] = [of, spread].map((value) => {
      const tensor = initializers.get(value);
      return tensor && find(value, tensor.dims.map(Number), { role: "statistic", operator: node.op });
    });
    if (!mean || !variance) return [];
    const shared = [of, spread].find((value) => uses.get(value)! > 1);
    if (shared !== undefined)
      throw new PerturbError(
        "unsupported",
        `${describeNode(node)} takes "${shared}" for a statistic, and so, or as something else, does another input: it cannot be recomputed for both. Export the model without sharing equal tensors.`,
        { data: { tensor: shared } },
      );
    return [{ mean, variance, values: { mean: of, variance: spread } }];
  });
}
