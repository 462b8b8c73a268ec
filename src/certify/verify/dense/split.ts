import { checkSignal } from "../../../errors.ts";
import { middle } from "../../bounds/box.ts";
import type { Case } from "../property.ts";
import type { Runs } from "../runs.ts";
import { confirmed } from "../search.ts";
import type { Split, SplitOptions } from "../split.ts";
import { furthest } from "../witness.ts";
import { CaseBounds } from "./cases.ts";
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

/** Milliseconds after which others get their turn. */
const TURN = 50;

/** Halves the box of cases until none of them can have a counterexample in any part. It may be stopped, and goes on where it stopped. */
export class DenseSplit {
  readonly #layers: readonly Layer[];
  readonly #forms: Forms;
  readonly #runs: Runs;
  readonly #cases: readonly { readonly of: Case; readonly bounds: CaseBounds }[];
  readonly #stack: Domain[];
  #domains = 0;

  /** @param cases over one box */
  constructor(layers: readonly Layer[], forms: Forms, runs: Runs, cases: readonly Case[]) {
    this.#layers = layers;
    this.#forms = forms;
    this.#runs = runs;
    const outputs = layers.at(-1)!.outputs;
    this.#cases = cases.map((of) => ({ of, bounds: new CaseBounds(of, outputs) }));
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
    for (let domain = this.#stack.pop(); domain; domain = this.#stack.pop()) {
      if (this.#domains >= end) {
        this.#stack.push(domain);
        return { kind: "open", reason: "no more boxes were to be bounded", domains: most };
      }
      if (performance.now() > turn) {
        if (late()) return { kind: "late", domains: this.#domains };
        await new Promise((resolve) => setTimeout(resolve, 0));
        checkSignal(signal);
        turn = performance.now() + TURN;
      }
      this.#domains++;
      const left = this.#left(domain);
      if (!left) continue;
      for (const input of left.inputs) {
        const y = outputsOf(this.#layers, input);
        for (const at of left.open) {
          const { of, bounds } = this.#cases[at]!;
          const witness = furthest(bounds.conditions, y).by <= 0 && (await confirmed(this.#runs, of, input));
          if (witness) return { kind: "witness", witness, domains: this.#domains };
        }
      }
      const halves = halved(left);
      if (!halves)
        return {
          kind: "open",
          reason: "a box of neighbouring float32 numbers stays open by rounding",
          domains: this.#domains,
        };
      this.#stack.push(...halves);
    }
    return { kind: "proven", domains: this.#domains };
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
