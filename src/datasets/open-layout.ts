import type { Dataset } from "../dataset.ts";
import { isAmbiguous } from "../layout.ts";
import { option } from "../option.ts";

/** Data for a model that leaves its sizes open, which says where its channels may stand at either end. */
export function saidLayout(data: Dataset): Dataset {
  const { name, shape, notes = [] } = data;
  // Pictures from files are decoded with their channels first.
  if (data.pixels === "picture" || !isAmbiguous(shape)) return data;
  const [a, b, c] = shape as [number, number, number];
  const others = [
    [c, a, b],
    [b, c, a],
  ].filter((other) => `${other}` !== `${shape}`);
  const advice =
    others.length > 0
      ? ` If the model takes them the other way round, give the shape that it takes (${others.map((other) => option("shape", other)).join(" or ")}).`
      : "";
  const message = `The samples of ${name} have shape [${shape.join(", ")}], which can be [channels, height, width] or [height, width, channels], and the model leaves its sizes open. They are given to it as they are.${advice}`;
  return { ...data, notes: [...notes, { code: "layout", message }] };
}
