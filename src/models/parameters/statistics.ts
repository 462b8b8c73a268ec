import type { Graph, Node } from "../../onnx/graph.ts";
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
 * are left out.
 */
export function storedStatistics(classifier: Graph, stored: Graph): StoredStatistics[] {
  const find = storedAs(classifier, stored);
  const { initializers } = withConstants(classifier);
  return classifier.nodes.filter(isNormalization).flatMap((node) => {
    const [mean, variance] = [node.inputs[3]!, node.inputs[4]!].map((value) => {
      const tensor = initializers.get(value);
      return tensor && find(value, tensor.dims.map(Number), { role: "statistic", operator: node.op });
    });
    return mean && variance ? [{ mean, variance, values: { mean: node.inputs[3]!, variance: node.inputs[4]! } }] : [];
  });
}
