import { Option } from "@commander-js/extra-typings";
import { parseNumber } from "./values.ts";

/** Options about certificates: proofs, and radii from elsewhere. */
export const certificateDefinitions = {
  certify: () =>
    new Option(
      "--certify",
      "Also prove which samples no attack can fool, by bounds of the network, and up to which ε (L-infinity, CPU): see perturb certify.",
    ),
  largest: () =>
    new Option(
      "--no-largest",
      "Certify at the given ε alone. Otherwise the largest certified ε of each sample is looked for, which takes most of the time.",
    ),
  splits: () =>
    new Option(
      "--splits <count>",
      "Split what bounds leave open into at most so many parts, by the signs of neurons: slower, and proves more.",
    ).argParser(parseNumber),
  certificates: () =>
    new Option(
      "--certificates <file>",
      "Write a certificate of each proven sample, at its largest certified ε: what is needed to check the proof without this run.",
    ),
  check: () =>
    new Option(
      "--check <file>",
      "Check the certificates of a file against --model, by code of their own in float64. Nothing else is done.",
    ).conflicts([
      "certificates",
      "resume",
      "out",
      "json",
      "junit",
      "failUnder",
      "data",
      "labels",
      "attack",
      "eps",
      "splits",
      "shard",
      "queue",
    ]),
  certified: () =>
    new Option(
      "--certified <file>",
      "CSV file with INDEX,RADIUS: certified radii from another tool. The report warns if an attack succeeds inside one.",
    ),
};
