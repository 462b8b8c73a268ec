import { PerturbError } from "../../errors.ts";
import { quote } from "../../quote.ts";
import type { Tensor } from "../../tensor.ts";
import { describe } from "./binary.ts";

/** The parameters and buffers of a network by their names in it: `conv1.weight`. */
export type StateDict = ReadonlyMap<string, Tensor>;

/** A file format of weights. */
export interface WeightFormat {
  readonly name: string;
  /** Whether the bytes look like it, by content. */
  readonly matches: (bytes: Uint8Array) => boolean;
  /** @throws invalid-file, unsafe-file, unsupported */
  readonly read: (bytes: Uint8Array, file: string) => StateDict;
}

/** The same dict without `prefix`, where every name has it; else as it is. */
export function stripPrefix<T>(dict: ReadonlyMap<string, T>, prefix: string): ReadonlyMap<string, T> {
  for (const name of dict.keys()) if (!name.startsWith(prefix)) return dict;
  return new Map(Array.from(dict, ([name, value]) => [name.slice(prefix.length), value]));
}

/** Without the prefixes of `DataParallel` (`module.`) and `torch.compile` (`_orig_mod.`), in either order. */
export function stripWrappers<T>(dict: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return ["_orig_mod.", "module.", "_orig_mod."].reduce((inner, prefix) => stripPrefix(inner, prefix), dict);
}

/** Where training scripts keep the network in a checkpoint. */
const NETWORK_KEYS = ["state_dict", "model_state_dict", "model", "net"];

/**
 * The state dict in whatever a script saved: the dict itself, a checkpoint (`{state_dict, epoch, optimizer, …}`) which
 * holds one network, a list of tensors (named 0, 1, …) or a lone tensor (named `tensor`). Wrappers' prefixes are gone.
 * @throws unsupported when there is no state dict, or more than one
 */
export function findStateDict<T>(
  value: unknown,
  isTensor: (value: unknown) => value is T,
  file: string,
): ReadonlyMap<string, T> {
  if (isTensor(value)) return new Map([["tensor", value]]);
  const root = Array.isArray(value) ? new Map(value.map((item, i) => [String(i), item])) : value;
  if (!(root instanceof Map)) throw unfit(file, `it holds ${describe(value)}, no state dict.`);
  const holdsTensors = (v: unknown): v is Map<unknown, unknown> => v instanceof Map && [...v.values()].some(isTensor);

  const networks = NETWORK_KEYS.filter((key) => holdsTensors(root.get(key)));
  if (networks.length > 1) throw unfit(file, `it holds several networks, under ${networks.map(quote).join(" and ")}.`);
  if (networks.length === 1) return onlyTensors(root.get(networks[0]!), isTensor, file);
  if (holdsTensors(root)) return onlyTensors(root, isTensor, file);

  const dicts = [...new Set<unknown>(root.values())].filter(holdsTensors);
  if (dicts.length === 1) return onlyTensors(dicts[0]!, isTensor, file);
  const keys = [...root.keys()].slice(0, 8).map(describe);
  const count = dicts.length === 0 ? "no" : "more than one";
  throw unfit(file, `it holds ${count} state dict. Its keys: ${keys.join(", ") || "none"}.`);
}

function onlyTensors<T>(
  dict: Map<unknown, unknown>,
  isTensor: (value: unknown) => value is T,
  file: string,
): ReadonlyMap<string, T> {
  const tensors = new Map<string, T>();
  for (const [name, value] of dict) {
    if (typeof name !== "string") throw unfit(file, `a tensor's name is ${describe(name)}, no text.`);
    if (isTensor(value)) tensors.set(name, value);
    // What `Module.get_extra_state` gave is Python's own.
    else if (!name.endsWith("_extra_state"))
      throw unfit(file, `among its tensors, ${quote(name)} is ${describe(value)}.`);
  }
  return stripWrappers(tensors);
}

const unfit = (file: string, problem: string): PerturbError =>
  new PerturbError(
    "unsupported",
    `${file}: ${problem} Save the weights of one network alone, in Python: torch.save(model.state_dict(), "weights.pth").`,
    { data: { file } },
  );
