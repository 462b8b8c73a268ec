import { Option } from "@commander-js/extra-typings";
import { group } from "./group.ts";
import { parseNumber, wholeNumber } from "./values.ts";

/** Options of randomized smoothing: noise, draws and confidence. */
const smoothingDefinitions = {
  smoothing: () =>
    new Option(
      "--smoothing <sigma>",
      "Smooth the classifier: its class is the one most often predicted under normal noise of this standard deviation, in units of the input.",
    ).argParser(parseNumber),
  n0: () =>
    new Option("--n0 <n>", "Draws of noise that choose the class of a sample. (default: 100)").argParser(
      wholeNumber(1),
    ),
  n: () =>
    new Option(
      "--n <n>",
      "Further draws that bound the probability of that class, and with it the radius. (default: 100000)",
    ).argParser(wholeNumber(1)),
  alpha: () =>
    new Option(
      "--alpha <probability>",
      "How probable it may be that the class or the radius of a sample is wrong. (default: 0.001)",
    ).argParser(parseNumber),
};

/** How a classifier is smoothed. */
export const smoothingOptions = () =>
  group("Smoothing")
    .addOption(smoothingDefinitions.smoothing())
    .addOption(smoothingDefinitions.n0())
    .addOption(smoothingDefinitions.n())
    .addOption(smoothingDefinitions.alpha());

export interface SmoothingGiven {
  readonly smoothing?: number | undefined;
  readonly n0?: number | undefined;
  readonly n?: number | undefined;
  readonly alpha?: number | undefined;
}
