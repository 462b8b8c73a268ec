import { PerturbError } from "../../errors.ts";
import { product } from "../../tensor.ts";
import { type Expression, isList, type List } from "./expressions.ts";
import type { Lookup, Variable } from "./formula.ts";

/** Elements of a tensor beyond which a file is taken to be broken. */
const MOST = 2 ** 24;

/** The variables of a file: `X_3` of version 1, `X[0,3]` of version 2. */
export interface Declarations {
  readonly inputs: number;
  readonly outputs: number;
  readonly lookup: Lookup;
}

interface Declared {
  readonly side: Variable["side"];
  readonly dims: readonly number[];
}

/** Reads the declarations among the lists of a file, in version 1 or 2. @throws invalid-file, unsupported */
export function readDeclarations(lists: readonly List[], name: string): Declarations {
  const wrong = (what: string, { line }: { line: number }): PerturbError =>
    new PerturbError("invalid-file", `${name}, line ${line}: ${what}`, { data: { line } });
  const missing = (what: string, { line }: { line: number }): PerturbError =>
    new PerturbError("unsupported", `${name}, line ${line}: ${what}`, { data: { line } });
  const networks = lists.filter((list) => headOf(list) === "declare-network");
  return networks.length > 0 ? ofNetwork() : ofConstants();

  function ofNetwork(): Declarations {
    const [network, another] = networks;
    if (another) throw missing("more than one network is declared, and one can be verified.", another);
    const tensors = new Map<string, Declared>();
    for (const part of network!.items.slice(2)) {
      const head = isList(part) ? headOf(part) : "";
      if (head !== "declare-input" && head !== "declare-output")
        throw missing(
          `"${head || (part as { text: string }).text}" is not handled: a network has inputs and outputs.`,
          part,
        );
      const [, variable, type, ...more] = (part as List).items;
      if (!variable || isList(variable) || !type || isList(type))
        throw wrong(`(${head}) needs a name and a type.`, part);
      if (!/^(real|float32|float)$/i.test(type.text)) throw missing(`the type ${type.text} is not handled.`, type);
      const text = more.map((e) => (isList(e) ? "(" : e.text)).join("");
      const shape = /^\[([\d,]*)\]$/.exec(text);
      if (!shape) throw missing(`"${text}" after the type is not handled: a shape such as [5] is expected.`, part);
      const dims = shape[1] === "" ? [] : shape[1]!.split(",").map(Number);
      if (!(product(dims) <= MOST) || dims.some((d) => d < 1))
        throw wrong(`the shape [${dims}] is out of range.`, part);
      const side = head === "declare-input" ? "input" : "output";
      if ([...tensors.values()].some((other) => other.side === side))
        throw missing(
          `there is more than one ${side}, and a network of one input and one output can be verified.`,
          part,
        );
      tensors.set(variable.text, { side, dims });
    }
    const size = (side: Variable["side"]): number => {
      const found = [...tensors.values()].find((t) => t.side === side);
      if (!found) throw wrong(`the network has no ${side}.`, network!);
      return product(found.dims);
    };
    const [inputs, outputs] = [size("input"), size("output")];
    const lookup: Lookup = (text, line) => {
      const [, tensorName, places] = /^(\w+)(?:\[([\d,]+)\])?$/.exec(text) ?? [];
      const declared = tensors.get(tensorName ?? "");
      if (!declared) throw wrong(`"${text}" is not declared.`, { line });
      const at = places === undefined ? [] : places.split(",").map(Number);
      if (at.length !== declared.dims.length || at.some((p, i) => p >= declared.dims[i]!))
        throw wrong(`"${text}" is no element of ${tensorName}, which is [${declared.dims}].`, { line });
      return { side: declared.side, index: at.reduce((flat, p, i) => flat * declared.dims[i]! + p, 0) };
    };
    return { inputs, outputs, lookup };
  }

  function ofConstants(): Declarations {
    const known = new Map<string, Variable>();
    for (const list of lists) {
      if (headOf(list) !== "declare-const" && headOf(list) !== "declare-fun") continue;
      const variable = list.items[1];
      const found = variable && !isList(variable) ? /^([XY])_(\d{1,8})$/.exec(variable.text) : null;
      if (!found) throw missing("variables are called X_0, X_1, … and Y_0, Y_1, …, and this one is not.", list);
      known.set(found[0], { side: found[1] === "X" ? "input" : "output", index: Number(found[2]) });
    }
    const count = (side: Variable["side"], letter: string): number => {
      const of = [...known.values()].filter((v) => v.side === side).length;
      for (let i = 0; i < of; i++)
        if (!known.has(`${letter}_${i}`))
          throw wrong(`${of} variables ${letter}_… are declared, and ${letter}_${i} is not among them.`, lists[0]!);
      if (of === 0) throw wrong(`no variable ${letter}_0 is declared.`, lists[0] ?? { line: 1 });
      return of;
    };
    const lookup: Lookup = (text, line) => {
      const found = known.get(text);
      if (!found) throw wrong(`"${text}" is not declared.`, { line });
      return found;
    };
    return { inputs: count("input", "X"), outputs: count("output", "Y"), lookup };
  }
}

export function headOf(list: List): string {
  const [head] = list.items as [Expression?];
  return head && !isList(head) ? head.text : "";
}
