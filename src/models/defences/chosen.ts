import { didYouMean, PerturbError } from "../../errors.ts";
import { option } from "../../option.ts";
import type { Defence } from "../defence.ts";
import { type DefenceName, defences } from "./index.ts";

/** A defence with its number. */
export interface ChosenDefence {
  readonly defence: Defence;
  readonly value: number;
  /** As it is written: "jpeg:75". */
  readonly text: string;
}

/** What "jpeg:75", or "jpeg" for its number by default, means. @throws usage */
export function chosenDefence(text: string): ChosenDefence {
  const [name = "", number, ...more] = text.trim().split(":");
  const known = Object.keys(defences);
  if (!isDefence(name))
    throw new PerturbError(
      "usage",
      `There is no defence named "${name}". Known: ${known.join(", ")}.${didYouMean(name, known)}`,
      { data: { defence: name, known } },
    );
  const defence: Defence = defences[name];
  const { byDefault, least, most, isReal, refuse, about } = defence.number;
  const value = number === undefined ? byDefault : number.trim() === "" ? Number.NaN : Number(number);
  const wanted = (!isReal && !Number.isInteger(value) ? "a whole number" : null) ?? refuse?.(value);
  if (more.length > 0 || !(value >= least && value <= most) || wanted)
    throw new PerturbError(
      "usage",
      `${name} takes ${wanted ?? "a number"} from ${least} to ${most}, ${about}; got "${text}" (${option("defences", `${name}:${byDefault}`)}).`,
      { data: { defence: name, got: text } },
    );
  return { defence, value, text: `${name}:${value}` };
}

const isDefence = (name: string): name is DefenceName => Object.hasOwn(defences, name);
