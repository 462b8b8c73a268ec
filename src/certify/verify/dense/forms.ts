import { clear, type LayerForms, layerForms, type Reached, throughLayer } from "./layer-forms.ts";
import type { Layer } from "./layers.ts";
import { type Form, OpenNeurons } from "./open-neurons.ts";
import { gamma, OWN } from "./rounding.ts";

/** Ends of all neurons, layer after layer. */
export interface NeuronEnds {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
}

/** A line below a weighted sum of the outputs, over the box: its least value there, and its slope by each input. */
export interface Line {
  readonly least: number;
  readonly slopes: Float64Array;
}

/** A weighted sum of the outputs. */
export interface Asked {
  readonly row: Float64Array;
  /** The sizes of all that was added up for each coefficient in float64: it is at most 32 roundings of these away from what is meant. */
  readonly parts: Float64Array;
  /** What the bound should be above. */
  readonly limit: number;
  /** Steps in which lines are improved. */
  readonly steps?: number;
}

/**
 * A dense network of Relus over a box, as float32 computes it in any order of summation. Over a small box most neurons have a known sign, so that every
 * value is linear in the inputs and in what the neurons of open sign give: z = constant + Σ a·(x - centre) + Σ b·r, up to ± off. These forms go
 * forwards through the layers once. A bound replaces each r by a line below or above it, from the last to the first: this is CROWN
 * (Zhang et al. 2018, https://arxiv.org/abs/1811.00866), at the cost of the open neurons alone. It is computed in float64, and what that rounds is allowed for.
 */
export class Forms {
  readonly inputs: number;
  /** Of all Relus together. */
  readonly neurons: number;
  /** The middle of the box, and how far its ends are from it. */
  readonly centre: Float64Array;
  readonly half: Float64Array;
  readonly #layers: readonly Layer[];
  readonly #open: OpenNeurons;
  /** Of two layers in turn. */
  readonly #values: readonly [LayerForms, LayerForms];
  #last: LayerForms;
  #wide = 0;
  /** What each layer rounds by itself, and what goes on from it. */
  readonly #rounded: readonly Float64Array[];
  readonly #reached: Reached[];
  /** Of each open neuron, Σ |slopes| of both of its own bounds, by input. */
  readonly #moves: Float64Array;
  readonly #form: Float64Array;
  readonly #line: Float64Array;

  constructor(layers: readonly Layer[]) {
    this.#layers = layers;
    this.inputs = layers[0]!.inputs;
    this.neurons = layers.reduce((n, { isRelu, outputs }) => n + (isRelu ? outputs : 0), 0);
    const most = Math.max(this.inputs, ...layers.map(({ outputs }) => outputs));
    const made = (n: number) => new Float64Array(n);
    const widest = 1 + this.inputs + this.neurons;
    this.#values = [layerForms(most, widest), layerForms(most, widest)];
    this.#last = this.#values[0];
    this.#open = new OpenNeurons(this.inputs, this.neurons);
    this.centre = made(this.inputs);
    this.half = made(this.inputs);
    this.#rounded = layers.map(({ outputs }) => made(outputs));
    this.#reached = layers.map(() => ({ plain: [], bent: [] }));
    this.#moves = made((this.neurons + 1) * this.inputs);
    this.#form = made(widest);
    this.#line = made(widest);
  }

  /** Looks at another box, and narrows what is known of its neurons. */
  enclose(lower: Float32Array, upper: Float32Array, ends: NeuronEnds): void {
    this.#open.count = 0;
    this.#last = this.#start(lower, upper);
    let reached: Reached = { plain: [...this.centre.keys()], bent: [] };
    let wide = 1 + this.inputs;
    let from = 0;
    for (const [at, layer] of this.#layers.entries()) {
      const after = this.#last === this.#values[0] ? this.#values[1] : this.#values[0];
      const plain: number[] = [];
      const bent: { at: number; place: number }[] = [];
      // Neurons that are found to be open are among the parts of forms from the next layer on.
      const given = { forms: this.#last, wide, caps: this.#open.caps, first: 1 + this.inputs, ...reached };
      wide = 1 + this.inputs + this.#open.count;
      for (let j = 0; j < layer.outputs; j++) {
        if (layer.isRelu && ends.upper[from + j]! <= 0) continue;
        this.#rounded[at]![j] = throughLayer(layer, j, given, after, wide);
        if (!layer.isRelu) {
          plain.push(j);
          continue;
        }
        const form = {
          numbers: after.numbers,
          start: j * after.stride,
          wide,
          off: after.off[j]!,
          size: after.size[j]!,
        };
        const [low, high] = this.#narrow(ends, from + j, form);
        if (low >= 0) plain.push(j);
        else if (!(high <= 0)) bent.push({ at: j, place: this.#open.add(form, low, high) });
      }
      reached = { plain, bent };
      this.#reached[at] = reached;
      this.#last = after;
      if (layer.isRelu) from += layer.outputs;
    }
    this.#wide = wide;
  }

  /** A line below Σ row·output. */
  line({ row, parts, limit, steps = 0 }: Asked): Line {
    const { numbers, stride, off, size } = this.#last;
    const [form, wide] = [this.#form.fill(0, 0, this.#wide), this.#wide];
    let [lost, sizes] = [0, 0];
    for (let k = 0; k < row.length; k++) {
      const [by, from] = [row[k]!, k * stride];
      lost += parts[k]! * off[k]!;
      sizes += parts[k]! * size[k]!;
      if (by !== 0) for (let c = 0; c < wide; c++) form[c]! += by * numbers[from + c]!;
    }
    const own = gamma(row.length + 40, OWN);
    const bounded = (): Line => {
      for (let c = 0; c < wide; c++) this.#line[c] = form[c]!;
      const least = this.#open.leastOf(this.#line, wide, sizes) - sizes * own;
      const all = lost * (1 + own) + this.#open.lost;
      // Where that could decide, what the layers round is followed along the line itself, for the better.
      const above = least - limit;
      const isClose = (above > 0 && above <= all) || !(all < 0.25 * Math.abs(above));
      const less = isClose ? Math.min(all, this.#roundings(row) + 1e-9 * all) : all;
      return { least: least - less, slopes: this.#line.slice(1, 1 + this.inputs) };
    };
    let best = bounded();
    if (steps === 0 || best.least > limit) return best;
    const { below } = this.#open;
    for (let step = 1; step <= steps && !(best.least > limit) && this.#open.raise(this.#line, 1 / step); step++) {
      const found = bounded();
      if (found.least > best.least) best = found;
    }
    this.#open.below = below;
    return best;
  }

  /** What the line made last loses along each input, and of the gap of each neuron the part that an input has in how far that moves. */
  addCosts(costs: Float64Array): void {
    const [d, half] = [this.inputs, this.half];
    for (let i = 0; i < d; i++) costs[i]! += Math.abs(this.#line[1 + i]!) * half[i]!;
    for (let place = 0; place < this.#open.count; place++) {
      const gap = this.#open.gaps[place]!;
      let all = 0;
      for (let i = 0; i < d; i++) all += this.#moves[place * d + i]! * half[i]!;
      for (let i = 0; gap > 0 && all > 0 && i < d; i++)
        costs[i]! += (gap * this.#moves[place * d + i]! * half[i]!) / all;
    }
  }

  #start(lower: Float32Array, upper: Float32Array): LayerForms {
    const values = this.#values[0];
    const d = this.inputs;
    for (let i = 0; i < d; i++) {
      const centre = (lower[i]! + upper[i]!) / 2;
      const half = Math.max(upper[i]! - centre, centre - lower[i]!) * (1 + 4 * OWN);
      const row = i * values.stride;
      this.centre[i] = centre;
      this.half[i] = half;
      this.#open.caps[1 + i] = half;
      clear(values, i, 1 + d);
      values.numbers[row] = centre;
      values.numbers[row + 1 + i] = 1;
      values.off[i] = 0;
      values.size[i] = Math.abs(centre) + half;
    }
    return values;
  }

  /** Better ends of one neuron, if its form has them. */
  #narrow(ends: NeuronEnds, neuron: number, { numbers, start, wide, off, size }: Form): readonly [number, number] {
    let [low, high] = [ends.lower[neuron]!, ends.upper[neuron]!];
    const [d, line] = [this.inputs, this.#line];
    const moves = this.#open.count * d;
    this.#moves.fill(0, moves, moves + d);
    for (const sign of [1, -1]) {
      if (low >= 0) break;
      for (let c = 0; c < wide; c++) line[c] = sign * numbers[start + c]!;
      const least = this.#open.leastOf(line, wide, size) - this.#open.lost - off;
      for (let i = 0; i < d; i++) this.#moves[moves + i]! += Math.abs(line[1 + i]!);
      // A bound that is NaN tells nothing.
      if (sign > 0 && least > low) ends.lower[neuron] = low = least;
      if (sign < 0 && -least < high) ends.upper[neuron] = high = -least;
    }
    return [low, high];
  }

  /** Σ |coefficient of a value in the line made last|, times what its layer rounds there; right up to a share of 1e-9 of the same with sizes alone. */
  #roundings(row: Float64Array): number {
    let coefficients = row;
    let sum = 0;
    for (let at = this.#layers.length - 1; at >= 0; at--) {
      const { inputs, weights } = this.#layers[at]!;
      const { plain, bent } = this.#reached[at]!;
      const before = new Float64Array(inputs);
      const send = (j: number, by: number): void => {
        sum += Math.abs(by) * this.#rounded[at]![j]!;
        if (by !== 0) for (let k = 0, from = j * inputs; k < inputs; k++) before[k]! += by * weights[from + k]!;
      };
      for (const j of plain) send(j, coefficients[j]!);
      for (const { at: j, place } of bent) send(j, this.#open.coefficients[place]!);
      coefficients = before;
    }
    return sum;
  }
}
