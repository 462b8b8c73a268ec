import type { ShapeRule } from "../facts.ts";
import { elementType } from "../tensor-proto.ts";

/** As its input, of the type that is asked for. */
const like: ShapeRule = ({ node, input }) => {
  const given = node.attributes.int("dtype", 0);
  return { type: (given ? elementType(given) : input(0).type) ?? null, dims: input(0).dims };
};

/** Of the shape in the attribute. */
const drawn: ShapeRule = ({ node }) => ({
  type: elementType(node.attributes.int("dtype", 1)) ?? null,
  dims: node.attributes.ints("shape", []),
});

/** Draws: their values are never known. */
export const randomShapes: Readonly<Record<string, ShapeRule>> = {
  Bernoulli: like,
  RandomNormal: drawn,
  RandomNormalLike: like,
  RandomUniform: drawn,
  RandomUniformLike: like,
};
