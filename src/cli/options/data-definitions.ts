import { Option } from "@commander-js/extra-typings";
import { parseNumber } from "./values.ts";

/** Options that say where samples and their classes are found. */
export const dataDefinitions = {
  data: () =>
    new Option("--data <name|path>", "The data: a known name, a folder of images, or a file.").default("mnist"),
  labels: () => new Option("--labels <file>", "A file of labels. Needed where the data file has none."),
  classes: () =>
    new Option(
      "--classes <file>",
      "A list of the model's classes, one name in a line, a table name,index or JSON: says which class each folder of images is. Without it, folders named by numbers have these numbers; others are numbered in text order.",
    ),
  dataEps: () =>
    new Option(
      "--data-eps <eps>",
      "Of what perturb attack wrote at several ε: take the examples at this one. Without it, those of a .npz at the largest.",
    ).argParser(parseNumber),
};
