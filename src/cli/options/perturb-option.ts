import { Option } from "@commander-js/extra-typings";
import type { Perturbed } from "../../models/classifier/picture.ts";
import { group } from "./group.ts";

/** What of the way from a picture to the network is attacked. */
export const perturbOption = () =>
  group("Attacks").addOption(
    new Option(
      "--perturb <what>",
      "What is changed: the input of the network, or each picture at its own size, before --resize and --crop. Pictures may have many sizes.",
    )
      .choices(["input", "picture"] as const satisfies readonly Perturbed[])
      .default("input" as const),
  );
