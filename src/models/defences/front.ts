import { PerturbError } from "../../errors.ts";
import { channelAxis, isAmbiguous, layoutOf } from "../../layout.ts";
import type { Bounds } from "../../model.ts";
import { describeDims, type Graph, type GraphValue, ownInputs } from "../../onnx/graph.ts";
import { metadataOf, withMetadata } from "../../onnx/metadata.ts";
import { Ops } from "../../onnx/ops.ts";
import { bindInput, renameValues } from "../../onnx/rewrite.ts";
import { option } from "../../option.ts";
import { tensor } from "../../tensor.ts";
import type { Normalization } from "../classifier/preprocess.ts";
import type { PlaneSize } from "../defence.ts";
import { type ChosenDefence, chosenDefence } from "./chosen.ts";
import { beginName, DEFENCE_KEY, endName } from "./recognise.ts";

export interface DefendOptions {
  /** In the order in which samples meet them, such as ["bits:5", "jpeg:75"]: the name, and the number where it is not the one by default. */
  readonly defences: readonly string[];
  /** The input that they stand behind; by default the only one. */
  readonly input?: string | undefined;
  /** Shape of one sample, where the graph leaves sizes open. */
  readonly shape?: readonly number[] | undefined;
  /** The least and the largest value of a pixel, by default 0 and 1. */
  readonly bounds?: Bounds | undefined;
  /** What whoever runs the model does to pixels before it; by default nothing. */
  readonly normalization?: Normalization | undefined;
}

/** The first opset with all operators of defences in their forms. */
const LEAST_OPSET = 11;

/**
 * A model with defences in front of it, as ordinary nodes that any ONNX runtime runs. Its inputs, outputs and metadata stay, and
 * `metadata_props` name the defences under "perturb.defence". Perturb recognises them, and attacks the file adaptively.
 * @throws usage for a defence that is not known, and where the input or its shape is not clear; mismatch; unsupported
 */
export function defend(graph: Graph, options: DefendOptions): Graph {
  const chosen = options.defences.map(chosenDefence);
  if (chosen.length === 0)
    throw new PerturbError("usage", `Name at least one defence, such as ${option("defences", "jpeg:75")}.`);
  const opset = graph.opsets.get("") ?? 0;
  if (opset < LEAST_OPSET)
    throw new PerturbError(
      "unsupported",
      `The model uses opset ${opset}, and defences need ${LEAST_OPSET}. Export it with that opset or a later one.`,
      { data: { opset, least: LEAST_OPSET } },
    );
  const input = inputOf(graph, options.input);
  const taken = sampleOf(input, options.shape);
  const sample = encodedFrom(chosen, taken, graph);
  const bound = bindInput(graph, input.name, taken).inputs.find(({ name }) => name === input.name)!;
  const batch = input.dims?.[0] ?? bound.dims![0]!;
  const inputs = graph.inputs.map((v) => (v.name === input.name ? { ...v, dims: [batch, ...sample] } : v));
  const b = new Ops({ ...graph, inputs, nodes: [], outputs: [] }, "defence");
  b.reserve(graph.nodes.flatMap((node) => [...node.outputs, ...node.attributes.innerValues()]));
  const end = chosen.reduce((x, one) => standing(b, x, one, sample, options), input.name);
  const front = b.finish([end]);
  const inner = renameValues(graph, new Map([[input.name, end]]));
  const named = [...chosen.map(({ text }) => text), metadataOf(graph, DEFENCE_KEY)].filter(
    (text) => text !== undefined,
  );
  return withMetadata(
    {
      ...inner,
      inputs,
      outputs: graph.outputs,
      nodes: [...front.nodes, ...inner.nodes],
      initializers: new Map([...inner.initializers, ...front.initializers]),
    },
    DEFENCE_KEY,
    named.join(","),
  );
}

/** One defence between its two marks. */
function standing(
  b: Ops,
  x: string,
  { defence, value, text }: ChosenDefence,
  sample: readonly number[],
  options: DefendOptions,
): string {
  const begin = b.named(beginName(text), "Identity", [x]);
  const { type } = b.fact(x);
  const real = type === "float32" ? begin : b.cast(begin, "float32");
  const units = unitsOf(b, sample, options);
  const pixels = units ? units.toPixels(real) : real;
  const made = defence.isOfPictures
    ? inPlanes(b, pixels, sample, defence.name, (planes, size) => defence.apply({ b, x: planes, size }, value))
    : defence.apply({ b, x: pixels, size: { channels: 1, height: 1, width: 1 } }, value);
  const back = units && !defence.encodes ? units.fromPixels(made) : made;
  return b.named(endName(text), "Identity", [type === "float32" ? back : b.cast(back, type!)]);
}

/** The shape of a sample in front of defences, of which the last may encode it for the network. @throws usage, unsupported */
function encodedFrom(chosen: readonly ChosenDefence[], taken: readonly number[], graph: Graph): readonly number[] {
  const at = chosen.findIndex(({ defence }) => defence.encodes);
  if (at < 0) return taken;
  const { text, value } = chosen[at]!;
  if (at < chosen.length - 1 || metadataOf(graph, DEFENCE_KEY) !== undefined)
    throw new PerturbError(
      "usage",
      `${text} makes what the network takes: it stands last, and once. Put it behind the others.`,
    );
  const [channels = 0, ...size] = taken;
  const sample = [channels / value, ...size];
  if (Number.isInteger(sample[0]) && layoutOf(sample) === "channels-first") return sample;
  throw new PerturbError(
    "unsupported",
    `${text} makes ${value} channels of each, and the model takes samples of shape [${taken.join(", ")}], which are no pictures [channels, height, width] of so many times 1 or 3 channels. It is for a network that was trained on the encoding; bits does the like in front of any.`,
    { data: { shape: taken, levels: value } },
  );
}

/** @throws usage, unsupported */
function inputOf(graph: Graph, name: string | undefined): GraphValue {
  const own = ownInputs(graph);
  const found = name === undefined ? (own.length === 1 ? own[0] : undefined) : own.find((v) => v.name === name);
  if (!found)
    throw new PerturbError(
      "usage",
      `${name === undefined ? `The model has ${own.length} inputs` : `The model has no input "${name}"`}: ${own.map((v) => `"${v.name}"`).join(", ")}. Name the one that the defence is for (${option("input")}).`,
      { data: { inputs: own.map((v) => v.name) } },
    );
  const type = found.type ?? "float32";
  if (["float32", "float16", "float64", "bfloat16"].includes(type)) return { ...found, type };
  throw new PerturbError(
    "unsupported",
    `The model's input "${found.name}" takes ${type}, and defences are for real numbers. Export the model with a float input.`,
    { data: { input: found.name, type } },
  );
}

/** @throws usage */
function sampleOf({ name, dims }: GraphValue, shape: readonly number[] | undefined): readonly number[] {
  const own = dims?.slice(1);
  if (shape) return shape;
  if (own && own.length > 0 && own.every((d) => typeof d === "number")) return own;
  throw new PerturbError(
    "usage",
    `The model's input "${name}" is ${describeDims(dims)}: the size of a sample is open. Give its shape (${option("shape")}).`,
  );
}

/** What turns the input into pixels from 0 to 1, and back; null where it is that already. */
function unitsOf(b: Ops, sample: readonly number[], { bounds, normalization }: DefendOptions) {
  const { lower, upper } = bounds ?? { lower: 0, upper: 1 };
  const { mean, std, scale = 1, channels = "rgb" } = normalization ?? { mean: [0], std: [1] };
  const axis = channelAxis(sample);
  const isSimple = mean.length === 1 && std.length === 1 && channels === "rgb";
  for (const values of [mean, std])
    if (values.length !== 1 && values.length !== sample[axis])
      throw new PerturbError(
        "usage",
        `${option("normalization.mean")} or ${option("normalization.std")} has ${values.length} values, and the model has ${sample[axis]} channels. Give one value, or one a channel.`,
      );
  if (!isSimple && isAmbiguous(sample))
    throw new PerturbError(
      "usage",
      `The model takes samples of shape [${sample.join(", ")}], whose channels can stand at either end. Give one value for all channels (${option("normalization.mean")}, ${option("normalization.std")}).`,
    );
  const length = Math.max(mean.length, std.length);
  const at = (values: readonly number[], i: number) => values[values.length === 1 ? 0 : i]!;
  // pixel = (v · std + mean) / scale, and its share of the range.
  const range = scale * (upper - lower);
  const slope = Array.from({ length }, (_, i) => at(std, i) / range);
  const shift = Array.from({ length }, (_, i) => (at(mean, i) - scale * lower) / range);
  if (![...slope, ...shift].every(Number.isFinite) || slope.some((s) => !(s > 0)))
    throw new PerturbError(
      "usage",
      `${option("bounds")} must rise, and ${option("normalization.std")} and ${option("preprocessing.scale")} be above 0.`,
    );
  const isSame = slope.every((s) => s === 1) && shift.every((s) => s === 0);
  if (isSame && channels === "rgb") return null;
  const spread = (values: readonly number[]) =>
    b.constant(tensor("float32", [length, ...sample.slice(axis + 1).map(() => 1)], Float32Array.from(values)));
  const turned = (x: string) => (channels === "bgr" ? b.add("Gather", [x, b.int64([2, 1, 0])], { axis: axis + 1 }) : x);
  return {
    toPixels: (x: string) => turned(isSame ? x : b.plus(b.mul(x, spread(slope)), spread(shift))),
    fromPixels: (x: string) => (isSame ? turned(x) : b.div(b.sub(turned(x), spread(shift)), spread(slope))),
  };
}

/** Samples as pictures [N, C, H, W], and back. @throws unsupported for what is no picture */
function inPlanes(
  b: Ops,
  x: string,
  sample: readonly number[],
  name: string,
  apply: (planes: string, size: PlaneSize) => string,
): string {
  if (sample.length === 2) {
    const [height, width] = sample as [number, number];
    return b.squeeze(apply(b.unsqueeze(x, [1]), { channels: 1, height, width }), [1]);
  }
  const layout = layoutOf(sample);
  if (layout === null)
    throw new PerturbError(
      "unsupported",
      `${name} is for pictures, [channels, height, width] or [height, width, channels], and the model takes samples of shape [${sample.join(", ")}]. Choose another defence.`,
      { data: { shape: sample } },
    );
  if (layout === "channels-first") {
    const [channels, height, width] = sample as [number, number, number];
    return apply(x, { channels, height, width });
  }
  const [height, width, channels] = sample as [number, number, number];
  return b.transpose(apply(b.transpose(x, [0, 3, 1, 2]), { channels, height, width }), [0, 2, 3, 1]);
}
