import type { AttackName } from "../../attacks/index.ts";
import { options } from "./definitions.ts";
import { group } from "./group.ts";
import { isolateOption } from "./isolate-option.ts";

/** A model by its file or name, and how its graph becomes a classifier. */
export const modelOptions = () => group("Model").addOption(options.model());
export const graphOptions = () =>
  group("Model")
    .addOption(options.arch())
    .addOption(options.inputName())
    .addOption(options.feed())
    .addOption(options.outputName())
    .addOption(options.head())
    .addOption(options.pool())
    .addOption(options.threshold())
    .addOption(options.preprocess())
    .addOption(options.mean())
    .addOption(options.std())
    .addOption(options.scale())
    .addOption(options.channels())
    .addOption(options.bounds())
    .addOption(options.shape())
    .addOption(options.straightThrough())
    .addOption(isolateOption());
/** How an inference server is called. */
export const endpointOptions = () =>
  group("Model").addOption(options.header()).addOption(options.timeout()).addOption(options.retries());

/** How pictures in files get the size of the network's input. */
export const pictureOptions = () =>
  group("Data")
    .addOption(options.resize())
    .addOption(options.interpolation())
    .addOption(options.antialias())
    .addOption(options.crop());

/** Samples with their labels, and which of them. */
export const dataOptions = ({ limit }: { readonly limit?: number } = {}) =>
  group("Data")
    .addOption(options.data())
    .addOption(options.labels())
    .addOption(options.classes())
    .addOption(options.dataEps())
    .addOption(options.offset())
    .addOption(withDefault(options.limit(), limit))
    .addOption(options.order());

/** How samples are attacked. */
export const attackOptions = ({ attack }: { readonly attack?: AttackName } = {}) =>
  group("Attacks")
    .addOption(attackOption(attack))
    .addOption(options.set())
    .addOption(options.norm())
    .addOption(options.eps())
    .addOption(options.epsUnit())
    .addOption(options.target())
    .addOption(options.flip())
    .addOption(options.surrogate())
    .addOption(options.surrogateMean())
    .addOption(options.surrogateStd())
    .addOption(options.eot())
    .addOption(options.levels())
    .addOption(options.maxQueries());

/** How the work is done. */
export const runOptions = ({ batch }: { readonly batch?: number } = {}) =>
  group("Run")
    .addOption(withDefault(options.batch(), batch))
    .addOption(options.memory())
    .addOption(options.seed())
    .addOption(options.device());

/** Where results go. */
export const outputOptions = ({ failUnder }: { readonly failUnder?: "robust" | "certified" } = {}) =>
  group("Output")
    .addOption(options.json())
    .addOption(options.junit())
    .addOption(options.failUnder(failUnder))
    .addOption(options.quiet());

function attackOption(name: AttackName | undefined) {
  const option = options.attack();
  if (name !== undefined) option.default([name], name);
  return option;
}

/** An option with its default, where a command has one: that it may be missing stays in its type. */
function withDefault<T extends { default(value: number): unknown }>(option: T, value: number | undefined): T {
  if (value !== undefined) option.default(value);
  return option;
}
