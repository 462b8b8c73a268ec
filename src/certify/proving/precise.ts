import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Box } from "../bounds/box.ts";
import type { Asked, Tuning } from "../bounds/tune.ts";
import { type Layers, leakOf } from "../certificate/layers.ts";
import { type Assumed, Proof } from "../certificate/proof.ts";
import { readLayers } from "../certificate/read.ts";
import type { SlopesOf } from "../certificate/steps.ts";

/** Open or not: of more, plain loops take too long. */
const MOST_NEURONS = 2 ** 14;

/** Reads a graph as the checker of certificates does, when it is first asked for; undefined where it does not. */
export function readOnce(graph: Graph): () => Layers | undefined {
  let read: { readonly layers: Layers | undefined } | undefined;
  return () => {
    read ??= { layers: readable(graph) };
    return read.layers;
  };
}

function readable(graph: Graph): Layers | undefined {
  try {
    return readLayers(graph);
  } catch (error) {
    if (error instanceof PerturbError && error.code === "unsupported") return undefined;
    throw error;
  }
}

/**
 * Tuning whose proofs are made once more in float64, as the checker of certificates makes them, where float32 leaves a bound below its limit: what
 * float32 rounds on the way back is then not lost, and what the network rounds is told more closely.
 * @param network the graph that is bounded, undefined where the checker does not read it
 */
export function withPrecision(tuning: Tuning, network: () => Layers | undefined, box: Box): Tuning {
  const size = [...tuning.ends.values()].reduce((n, { lower }) => n + lower.length, 0);
  if (size > MOST_NEURONS) return tuning;
  let opened: ((asked: Asked) => number) | undefined;
  return {
    ...tuning,
    async prove(asked) {
      const bounds = await tuning.prove(asked);
      for (const [i, one] of asked.entries()) {
        if (bounds[i]! > one.limit) continue;
        opened ??= proofsOf(network(), box, tuning);
        bounds[i] = Math.max(bounds[i]!, opened(one));
      }
      return bounds;
    },
  };
}

/** Bounds of domains; they tell nothing where the network is not read, or may leave the range of float32. */
function proofsOf(network: Layers | undefined, box: Box, { ends, neurons }: Tuning): (asked: Asked) => number {
  const nothing = (): number => Number.NEGATIVE_INFINITY;
  if (!network) return nothing;
  const known = new Map([...ends].map(([name, own]) => [network.names.get(name), own]));
  if (known.has(undefined)) return nothing;
  const proof = new Proof(network, { lower: box.lower.data as Float32Array, upper: box.upper.data as Float32Array });
  for (let value = 0; value <= network.layers.length; value++) {
    if (value > 0 && !proof.next()) return nothing;
    const own = known.get(value);
    for (const [element, lower] of own?.lower.entries() ?? [])
      proof.narrow(value, element, lower, own!.upper[element]!);
  }
  const places = neurons.map(({ value, element }) => ({ value: network.names.get(value)!, element }));
  const leaks = places.map(({ value }) => leakOf(network, value));
  return ({ row, domain: { signs, shares, pushes } }) => {
    const slopes = new Map<number, Map<number, readonly [number]>>();
    for (const [n, { value, element }] of places.entries()) {
      const own = slopes.get(value) ?? new Map<number, readonly [number]>();
      slopes.set(value, own.set(element, [leaks[n]! + shares[n]! * (1 - leaks[n]!)]));
    }
    const assumed: Assumed = {
      signs: places.flatMap((place, n) => {
        const sign = signs[n]!;
        if (sign === 0) return [];
        return [{ ...place, sign: sign > 0 ? 1 : -1, push: Math.max(0, -pushes[n]! * sign) } as const];
      }),
      slopes: new Map([...slopes].map(([value, own]): [number, SlopesOf] => [value, (element) => own.get(element)])),
    };
    const terms = [...row.entries()].filter(([, c]) => c !== 0);
    return proof.least(network.output, terms, assumed);
  };
}
