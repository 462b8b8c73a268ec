import { PerturbError } from "../../../src/errors.ts";

/** "0.1, 0.2": numbers; undefined where nothing is written. `what` names them in the message. @throws usage */
export function numbersIn(text: string, what: string): readonly number[] | undefined {
  if (text.trim() === "") return undefined;
  const values = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (values.every(Number.isFinite)) return values;
  throw new PerturbError("usage", `${what} takes numbers with commas between them, got "${text}".`);
}

/** "3, 224, 224": sizes of a sample. @throws usage */
export function shapeIn(text: string): readonly number[] | undefined {
  const sizes = numbersIn(text, "The shape of one sample");
  if (!sizes || sizes.every((size) => Number.isInteger(size) && size >= 1)) return sizes;
  throw new PerturbError("usage", `The shape of one sample takes whole numbers of at least 1, got "${text}".`);
}
