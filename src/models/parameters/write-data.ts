import { PerturbError } from "../../errors.ts";
import type { Graph } from "../../onnx/graph.ts";
import { tensorsOf } from "../../onnx/tensors.ts";
import { type DataFiles, placeOf } from "../formats/data-files.ts";
import { isExternal } from "../formats/external.ts";
import { withConstants } from "./constants.ts";
import type { Parameter } from "./find.ts";
import { type NewValues, replaceIn } from "./write.ts";

/**
 * The files beside a model with other elements in some of its tensors, and every other byte as it is. A file without a change is the very
 * same array. @param graph as the model's file stores it
 */
export function dataWithValues(graph: Graph, files: DataFiles, values: readonly NewValues[], model: string): DataFiles {
  const { initializers } = withConstants(graph);
  const changed = new Map(files);
  for (const value of values) {
    const t = initializers.get(value.parameter.name);
    if (!t || !isExternal(t) || value.after.every((v, i) => Object.is(v, value.before[i]))) continue;
    const place = placeOf(t, model);
    const given = files.get(place.file)!;
    const bytes = changed.get(place.file) === given ? given.slice() : changed.get(place.file)!;
    replaceIn(bytes, [place], value);
    changed.set(place.file, bytes);
  }
  return changed;
}

/** @throws unsupported where a parameter lies in bytes that are those of another tensor, too: both would change */
export function refuseShared(graph: Graph, parameters: readonly Parameter[], model: string): void {
  const learned = new Set(parameters.map(({ name }) => name));
  const places = [...tensorsOf(withConstants(graph))]
    .filter(isExternal)
    .map((t) => ({ t, place: placeOf(t, model) }))
    .filter(({ place: { start, end } }) => end > start)
    .sort(({ place: a }, { place: b }) => Number(a.file > b.file) - Number(a.file < b.file) || a.start - b.start);
  let reached = places[0];
  for (const next of places.slice(1)) {
    const isApart = next.place.file !== reached!.place.file || next.place.start >= reached!.place.end;
    const names = [reached!.t.name, next.t.name];
    if (!isApart && names.some((name) => learned.has(name)))
      throw new PerturbError(
        "unsupported",
        `${model} keeps "${names[0]}" and "${names[1]}" in the same bytes of ${next.place.file}: training one would change the other. Save it so that each has its own: in Python, onnx.save(onnx.load("${model}"), "own-bytes.onnx").`,
        { data: { tensors: names } },
      );
    if (isApart || next.place.end > reached!.place.end) reached = next;
  }
}
