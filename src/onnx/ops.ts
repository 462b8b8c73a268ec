import { PerturbError } from "../errors.ts";
import { type ElementType, type Tensor, tensor } from "../tensor.ts";
import { toInt64 } from "./attributes.ts";
import { GraphBuilder } from "./builder.ts";
import { normalizeAxis } from "./dims.ts";
import { type Fact, isIntegral } from "./facts.ts";
import { type Dim, describeDims, describeNode, type Node } from "./graph.ts";
import { typeCode } from "./tensor-proto.ts";

/** A graph builder that speaks in operators, each written as the graph's opset wants it. */
export class Ops extends GraphBuilder {
  /** Values that were made in the shape of another: told apart from others even where no size is known. */
  readonly #shapedLike = new Map<string, string>();

  plus = (a: string, b: string): string => this.add("Add", [a, b]);
  sub = (a: string, b: string): string => this.add("Sub", [a, b]);
  mul = (a: string, b: string): string => this.add("Mul", [a, b]);
  div = (a: string, b: string): string => this.add("Div", [a, b]);
  neg = (a: string): string => this.add("Neg", [a]);
  exp = (a: string): string => this.add("Exp", [a]);
  matmul = (a: string, b: string): string => this.add("MatMul", [a, b]);
  shape = (a: string): string => this.add("Shape", [a]);
  where = (condition: string, a: string, b: string): string => this.add("Where", [condition, a, b]);
  cast = (a: string, type: ElementType): string => this.add("Cast", [a], { to: typeCode(type) });
  transpose = (a: string, perm: readonly number[]): string => this.add("Transpose", [a], { perm });

  /** Whether elements are equal. Before opset 11 Equal took no floats: there, neither less nor greater. */
  equal(a: string, b: string): string {
    if (this.opset >= 11 || isIntegral(this.fact(a).type)) return this.add("Equal", [a, b]);
    return this.add("Not", [this.add("Or", [this.add("Less", [a, b]), this.add("Greater", [a, b])])]);
  }

  /** Sum of many, left to right. */
  sum = (values: readonly string[]): string => values.reduce(this.plus);

  int64(values: readonly number[]): string {
    return this.constant(tensor("int64", [values.length], BigInt64Array.from(values, toInt64)));
  }

  /** A scalar of the element type of `like` (float32 where that is not known). */
  scalar(value: number, like: string): string {
    const type = this.fact(like).type ?? "float32";
    if (type === "float16" || type === "bfloat16") return this.cast(this.constant(scalar("float32", value)), type);
    return this.constant(scalar(type === "float64" ? "float64" : "float32", value));
  }

  /** Called before a list of as many elements as a file says is made of a value. @throws unsupported where it is too long */
  room(elements: number, of: string): void {
    this.budget.spend({ bytes: 8 * elements }, () => `What is made of "${of}"`);
  }

  /** The shape of a value. @throws unsupported when its rank is not known before running */
  dims(name: string): readonly Dim[] {
    const { dims } = this.fact(name);
    if (dims) return dims;
    const since = this.#openSince(name, (fact) => fact.dims === null);
    throw new PerturbError(
      "unsupported",
      `The rank of "${name}" cannot be told before running, and its gradient needs it.${since} Export the model with fixed shapes.`,
    );
  }

  /** The shape of a value as numbers. @throws unsupported where one depends on the run */
  sizes(name: string, from = 0): readonly number[] {
    const dims = this.dims(name).slice(from);
    if (dims.every((d) => typeof d === "number")) return dims;
    throw this.#openSize(name, `fixed sizes from axis ${from} on`);
  }

  /** The size of one axis. @throws unsupported where it depends on the run */
  size(name: string, axis: number): number {
    const size = this.dims(name)[axis];
    if (typeof size === "number") return size;
    throw this.#openSize(name, `a fixed size of axis ${axis}`);
  }

  #openSize(name: string, what: string): PerturbError {
    const since = this.#openSince(name, ({ dims }) => dims === null || dims.includes(null));
    return new PerturbError(
      "unsupported",
      `"${name}" is ${describeDims(this.dims(name))}, and its gradient needs ${what}.${since} Export the model with fixed image sizes (only the batch may vary).`,
    );
  }

  /** A sentence on the first node that makes a shape depend on the run. */
  #openSince(name: string, isOpen: (fact: Fact) => boolean): string {
    const makers = new Map(this.nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
    const comesFrom = (node: Node) => node.inputs.find((input) => makers.has(input) && isOpen(this.fact(input)));
    let maker = isOpen(this.fact(name)) ? makers.get(name) : undefined;
    for (let from = maker && comesFrom(maker); from !== undefined; from = comesFrom(maker!)) maker = makers.get(from);
    return maker ? ` ${describeNode(maker)} gives a shape that depends on the run.` : "";
  }

  reshape(a: string, dims: readonly number[]): string {
    return this.add("Reshape", [a, this.int64(dims)]);
  }

  /** `a` in the shape of `like`, with the same number of elements. */
  reshapeLike(a: string, like: string): string {
    const { dims } = this.fact(like);
    const open = dims?.filter((d) => typeof d !== "number").length ?? 2;
    const fixed = dims && open <= 1 && !dims.includes(0);
    return this.#shaped(
      like,
      fixed
        ? this.reshape(
            a,
            dims.map((d) => (typeof d === "number" ? d : -1)),
          )
        : // A size of 0 would else stand for that of `a`.
          this.add("Reshape", [a, this.shape(like)], dims?.includes(0) && this.opset >= 14 ? { allowzero: 1 } : {}),
    );
  }

  expandLike(a: string, like: string): string {
    const { dims } = this.fact(like);
    const fixed = dims?.every((d) => typeof d === "number");
    return this.#shaped(like, this.add("Expand", [a, fixed ? this.int64(dims as number[]) : this.shape(like)]));
  }

  #shaped(like: string, name: string): string {
    this.#shapedLike.set(name, like);
    return name;
  }

  /** A tensor of one value in the shape of `like`. */
  full(value: number, like: string): string {
    return this.expandLike(this.scalar(value, like), like);
  }

  reduceSum(a: string, axes: readonly number[], keepdims: boolean): string {
    if (axes.length === 0) return a;
    return this.opset >= 13
      ? this.add("ReduceSum", [a, this.int64(axes)], { keepdims: Number(keepdims) })
      : this.add("ReduceSum", [a], { axes, keepdims: Number(keepdims) });
  }

  reduceMax(a: string, axes: readonly number[], keepdims: boolean): string {
    return this.opset >= 18
      ? this.add("ReduceMax", [a, this.int64(axes)], { keepdims: Number(keepdims) })
      : this.add("ReduceMax", [a], { axes, keepdims: Number(keepdims) });
  }

  reduceMean(a: string, axes: readonly number[], keepdims: boolean): string {
    return this.opset >= 18
      ? this.add("ReduceMean", [a, this.int64(axes)], { keepdims: Number(keepdims) })
      : this.add("ReduceMean", [a], { axes, keepdims: Number(keepdims) });
  }

  unsqueeze(a: string, axes: readonly number[]): string {
    return this.opset >= 13 ? this.add("Unsqueeze", [a, this.int64(axes)]) : this.add("Unsqueeze", [a], { axes });
  }

  squeeze(a: string, axes: readonly number[]): string {
    return this.opset >= 13 ? this.add("Squeeze", [a, this.int64(axes)]) : this.add("Squeeze", [a], { axes });
  }

  slice(
    a: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps = axes.map(() => 1),
  ): string {
    if (this.opset >= 10) return this.add("Slice", [a, ...[starts, ends, axes, steps].map((v) => this.int64(v))]);
    if (steps.some((s) => s !== 1))
      throw new PerturbError(
        "unsupported",
        "Slices with steps need opset 10 or newer. Export the model with a newer opset.",
      );
    return this.add("Slice", [a], { axes, starts, ends });
  }

  /** Zeros before and after each axis; negative amounts cut off. */
  pad(a: string, before: readonly number[], after: readonly number[]): string {
    const pads = [...before, ...after];
    if (pads.every((p) => p === 0)) return a;
    return this.opset >= 11
      ? this.add("Pad", [a, this.int64(pads), this.scalar(0, a)])
      : this.add("Pad", [a], { pads });
  }

  /** `a` with its last two axes swapped. */
  swap(a: string): string {
    const rank = this.dims(a).length;
    return this.transpose(a, [...Array(rank - 2).keys(), rank - 1, rank - 2]);
  }

  /** Sums `g` over the axes along which `like` was broadcast to it: the transpose of broadcasting. */
  sumTo(g: string, like: string): string {
    if (this.#shapedLike.get(g) === like) return g;
    const from = this.fact(g).dims;
    const to = this.fact(like).dims;
    if (from && to && from.length === to.length && from.every((d, i) => d === to[i] && d !== null)) return g;
    if (!from || !to) return this.#sumToAtRunTime(g, like);
    const extra = from.length - to.length;
    const inner = from.slice(extra);
    // A named or unknown size may turn out to be 1 when it runs, unless it is that of g.
    if (!inner.every((d, i) => typeof to[i] === "number" || (d !== null && d === to[i])))
      return this.#sumToAtRunTime(g, like);
    const summed = this.reduceSum(g, [...Array(extra).keys()], false);
    return this.reduceSum(
      summed,
      inner.flatMap((d, i) => (to[i] === 1 && d !== 1 ? [i] : [])),
      true,
    );
  }

  #sumToAtRunTime(g: string, like: string): string {
    if (this.opset < 13)
      throw new PerturbError(
        "unsupported",
        `The shape of "${like}" cannot be told before running, and its gradient needs it. Export the model with opset 13 or newer, or with fixed shapes.`,
      );
    // The shape of `like`, with ones before it up to the rank of g, differs from that of g where it was broadcast.
    const rank = (name: string) => this.shape(this.shape(name));
    const one = this.constant(tensor("int64", [1], BigInt64Array.of(1n)));
    const ones = this.add("Expand", [one, this.sub(rank(g), rank(like))]);
    const full = this.add("Concat", [ones, this.shape(like)], { axis: 0 });
    const differs = this.add("Not", [this.add("Equal", [full, this.shape(g)])]);
    const axes = this.squeeze(this.add("NonZero", [differs]), [0]);
    const summed = this.add("ReduceSum", [g, axes], { keepdims: 1, noop_with_empty_axes: 1 });
    return this.add("Reshape", [summed, this.shape(like)]);
  }

  /** All axes of a value from `first` on. */
  axesFrom(name: string, first: number): number[] {
    const rank = this.dims(name).length;
    const start = normalizeAxis(first, rank);
    return Array.from({ length: rank - start }, (_, i) => start + i);
  }
}

const scalar = (type: "float32" | "float64", value: number): Tensor =>
  type === "float32" ? tensor("float32", [], Float32Array.of(value)) : tensor("float64", [], Float64Array.of(value));
