import { PerturbError } from "../../errors.ts";
import { broadcast } from "../dims.ts";
import type { ShapeRule } from "../facts.ts";
import { type Dim, describeNode } from "../graph.ts";

/** One symbol an axis, of each input and of the output. The axes of an ellipsis are ".0", ".1", … from the last one on. */
export interface Subscripts {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
}

/** The equation of an Einsum over inputs of these ranks. */
export function einsumSubscripts(equation: string, ranks: readonly number[]): Subscripts {
  const [left = "", right] = equation.replaceAll(/\s/g, "").split("->");
  const terms = left.split(",");
  const axesBehindDots = terms.map((term, i) =>
    term.includes("...") ? Math.max(0, (ranks[i] ?? 0) - letters(term).length) : 0,
  );
  const most = Math.max(0, ...axesBehindDots);
  return {
    inputs: terms.map((term, i) => symbols(term, axesBehindDots[i]!)),
    output: symbols(right ?? implicitOutput(terms), most),
  };
}

const letters = (term: string): string[] => term.replace("...", "").split("");

function symbols(term: string, behindDots: number): string[] {
  const dots = Array.from({ length: behindDots }, (_, i) => `.${behindDots - 1 - i}`);
  const [before, after] = term.split("...");
  return after === undefined ? term.split("") : [...before!.split(""), ...dots, ...after.split("")];
}

/** The ellipsis, and the letters that stand once, in alphabetical order. */
function implicitOutput(terms: readonly string[]): string {
  const all = terms.flatMap(letters);
  const counts = new Map<string, number>();
  for (const letter of all) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  const once = [...counts.keys()].filter((letter) => counts.get(letter) === 1).sort();
  return (terms.some((term) => term.includes("...")) ? "..." : "") + once.join("");
}

const einsum: ShapeRule = ({ node, input }) => {
  const facts = node.inputs.map((_, i) => input(i));
  const type = facts[0]!.type;
  if (facts.some((f) => !f.dims)) return { type, dims: null };
  const equation = node.attributes.string("equation", "");
  const { inputs, output } = einsumSubscripts(
    equation,
    facts.map((f) => f.dims!.length),
  );
  if (inputs.length !== facts.length)
    throw new PerturbError(
      "invalid-file",
      `${describeNode(node)}: its equation "${equation}" is for ${inputs.length} inputs, and it has ${facts.length}. Check that the model runs.`,
    );
  const sizes = new Map<string, Dim>();
  inputs.forEach((term, i) => {
    term.forEach((symbol, axis) => {
      const size = facts[i]!.dims![axis] ?? null;
      sizes.set(symbol, sizes.has(symbol) ? broadcast([sizes.get(symbol)!], [size])![0]! : size);
    });
  });
  return { type, dims: output.map((symbol) => sizes.get(symbol) ?? null) };
};

export const einsumShapes: Readonly<Record<string, ShapeRule>> = { Einsum: einsum };
