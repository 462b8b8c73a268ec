import type { ShapeContext, ShapeRule } from "../facts.ts";
import type { Dim } from "../graph.ts";

/** One image of bins a region: [regions, channels, ...bins]. */
const regional =
  (bins: (context: ShapeContext) => readonly Dim[]): ShapeRule =>
  (context) => ({
    type: context.input(0).type,
    dims: [context.input(1).dims?.[0] ?? null, context.input(0).dims?.[1] ?? null, ...bins(context)],
  });

/** Pools over regions of images. */
export const regionShapes: Readonly<Record<string, ShapeRule>> = {
  RoiAlign: regional(({ node }) => ["output_height", "output_width"].map((name) => node.attributes.int(name, 1))),
  MaxRoiPool: regional(({ node }) => node.attributes.ints("pooled_shape", [])),
};
