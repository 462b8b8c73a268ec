import { checkSignal } from "../../../errors.ts";
import { middle } from "../../bounds/box.ts";
import type { Case } from "../property.ts";
import type { Runs } from "../runs.ts";
import { confirmed } from "../search.ts";
import type { Split, SplitOptions } from "../split.ts";
import { furthest, type Witness } from "../witness.ts";
import { CaseBounds } from "./cases.ts";
import { descend } from "./descent.ts";
import type { Forms, NeuronEnds } from "./forms.ts";
import type { Layer } from "./layers.ts";
import { outputsOf } from "./runs.ts";

/** A part of the box, with what is known of its neurons, and the cases that are open there. */
interface Domain {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  readonly ends: NeuronEnds;
  readonly open: readonly number[];
}

const ROUNDED = "a box of neighbouring float32 numbers stays open by rounding";
/** After so many of these, no more are looked for. */
const MOST_ROUNDED = 256;
/** One of so many is the oldest, and widest, while few are waiting: there counterexamples are looked for elsewhere. The others are the newest. */
const WIDE = 8;
const MOST_WAITING = 10_000;
/** Milliseconds after which others get their turn. */
const TURN = 50;

/** Halves the box of cases until none of them can have a counterexample in any part. It may be stopped, and goes on where it stopped. */
export class DenseSplit {
  readonly #layers: readonly Layer[];
  readonly #forms: Forms;
  readonly #runs: Runs;
  readonly #cases: readonly { readonly of: Case; readonly bounds: CaseBounds; nearest: number }[];
  readonly #stack: Domain[];
  #domains = 0;
  /** Domains that cannot be halved, and are open. */
  #rounded = 0;

  /** @param cases over one box */
  constructor(layers: readonly Layer[], forms: Forms, runs: Runs, cases: readonly Case[]) {
    this.#layers = layers;
    this.#forms = forms;
    this.#runs = runs;
    const outputs = layers.at(-1)!.outputs;
    this.#cases = cases.map((of) => ({ of, bounds: new CaseBounds(of, outputs), nearest: Number.POSITIVE_INFINITY }));
    const { lower, upper } = cases[0]!;
    const ends = {
      lower: new Float64Array(forms.neurons).fill(Number.NEGATIVE_INFINITY),
      upper: new Float64Array(forms.neurons).fill(Number.POSITIVE_INFINITY),
    };
    this.#stack = [{ lower, upper, ends, open: [...cases.keys()] }];
  }

  /** Boxes that were bounded so far. */
  get domains(): number {
    return this.#domains;
  }

  /** @param most boxes that are bounded now */
  async run({ late, signal, most = Number.POSITIVE_INFINITY }: SplitOptions): Promise<Split> {
    const end = this.#domains + most;
    let turn = performance.now() + TURN;
    while (this.#stack.length > 0) {
      if (this.#domains >= end) return { kind: "open", reason: "no more boxes were to be bounded", domains: most };
      if (performance.now() > turn) {
        if (late()) return { kind: "late", domains: this.#domains };
        await new Promise((resolve) => setTimeout(resolve, 0));
        checkSignal(signal);
        turn = performance.now() + TURN;
      }
      const isWide = this.#domains++ % WIDE === 0 && this.#stack.length < MOST_WAITING;
      const left = this.#left((isWide ? this.#stack.shift() : this.#stack.pop())!);
      if (!left) continue;
      const halves = halved(left);
      const witness = await this.#witness(left, halves === undefined);
      if (witness) return { kind: "witness", witness, domains: this.#domains };
      if (halves) this.#stack.push(...halves);
      else if (++this.#rounded > MOST_ROUNDED) break;
    }
    return this.#rounded > 0
      ? { kind: "open", reason: ROUNDED, domains: this.#domains }
      : { kind: "proven", domains: this.#domains };
  }

  /** A counterexample among some inputs of a domain, or near them where none came so near before, and where a domain cannot be halved. */
  async #witness({ open, inputs }: Left, isLast: boolean): Promise<Witness | undefined> {
    for (const input of inputs) {
      const y = outputsOf(this.#layers, input);
      for (const at of open) {
        const one = this.#cases[at]!;
        const { by } = furthest(one.bounds.conditions, y);
        if (!(isLast || by < one.nearest)) continue;
        if (by > 0) one.nearest = Math.min(one.nearest, by);
        const found = descend(this.#layers, one.of, one.bounds.conditions, input);
        const witness = found && (await confirmed(this.#runs, one.of, found));
        if (witness) return witness;
      }
    }
    return undefined;
  }

  /** What bounds leave open of a domain. */
  #left({ lower, upper, ends, open }: Domain): Left | undefined {
    const own = { lower: ends.lower.slice(), upper: ends.upper.slice() };
    this.#forms.enclose(lower, upper, own);
    const costs = new Float64Array(lower.length);
    const left: number[] = [];
    const inputs = [lower.map((l, i) => middle(l, upper[i]!))];
    const slopes = new Float64Array(lower.length);
    let hull: { lower: Float32Array; upper: Float32Array } | undefined;
    for (const at of open) {
      const room = this.#cases[at]!.bounds.room(this.#forms, { lower, upper }, costs);
      if (!room) continue;
      left.push(at);
      inputs.push(
        room.slopes.reduce(
          (x, a, i) => x.fill(a > 0 ? room.lower[i]! : room.upper[i]!, i, i + 1),
          new Float32Array(lower.length),
        ),
      );
      for (const [i, a] of room.slopes.entries()) slopes[i]! += a;
      hull = hull
        ? {
            lower: hull.lower.map((l, i) => Math.min(l, room.lower[i]!)),
            upper: hull.upper.map((u, i) => Math.max(u, room.upper[i]!)),
          }
        : room;
    }
    return (
      hull && {
        lower: hull.lower,
        upper: hull.upper,
        ends: own,
        open: left,
        inputs,
        costs: costs.map((c, i) => c * ((hull.upper[i]! - hull.lower[i]!) / (upper[i]! - lower[i]! || 1))),
        slopes,
      }
    );
  }
}

interface Left extends Domain {
  readonly inputs: readonly Float32Array[];
  readonly costs: Float64Array;
  readonly slopes: Float64Array;
}

/** Both halves, along the input that costs most; that where bounds are lower comes last. Undefined where no float32 number is between any ends. */
function halved({ lower, upper, ends, open, costs, slopes }: Left): readonly [Domain, Domain] | undefined {
  let [at, most] = [-1, -1];
  for (let i = 0; i < lower.length; i++) {
    const centre = middle(lower[i]!, upper[i]!);
    if (!(lower[i]! < centre && centre < upper[i]!)) continue;
    // Where nothing is known, the widest.
    const cost = (Number.isFinite(costs[i]) ? costs[i]! : 0) + 1e-12 * (upper[i]! - lower[i]!);
    if (cost > most) [at, most] = [i, cost];
  }
  if (at < 0) return undefined;
  const centre = middle(lower[at]!, upper[at]!);
  const halves = [
    { lower, upper: upper.with(at, centre), ends, open },
    { lower: lower.with(at, centre), upper, ends, open },
  ] as const;
  return slopes[at]! > 0 ? [halves[1], halves[0]] : halves;
}
