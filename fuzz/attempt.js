// @ts-check
import { PerturbError } from "../dist/errors.js";
import { randomFor } from "../dist/random.js";

/**
 * What became of an input. Only the last four are faults.
 * @typedef {"read" | "refused" | "exception" | "memory" | "hang" | "crash"} Kind
 * @typedef {{ readonly kind: Kind, readonly message: string }} Outcome
 */

/**
 * The input of this number: it depends on nothing else but the seed.
 * @param {import("./reader.js").Reader} reader
 * @param {number} seed
 * @param {number} number
 */
export function inputOf({ seeds, mutate }, seed, number) {
  const random = randomFor(seed, number);
  return mutate(/** @type {Uint8Array} */ (seeds[random.integer(seeds.length)]), random);
}

/**
 * Reads an input in this process, in each of the reader's ways. It is read where one of them takes it.
 * @param {import("./reader.js").Reader} reader
 * @param {Uint8Array} bytes
 * @returns {Promise<Outcome>}
 */
export async function attempt({ reads }, bytes) {
  let isRead = false;
  let code = "";
  for (const read of reads)
    try {
      await read(bytes.slice());
      isRead = true;
    } catch (error) {
      // "internal" is how the library says that an error is a bug of its own.
      if (!(error instanceof PerturbError) || error.code === "internal")
        return { kind: "exception", message: String(error instanceof Error ? error.stack : error) };
      code ||= error.code;
    }
  return isRead ? { kind: "read", message: "" } : { kind: "refused", message: code };
}

/** @param {Outcome} outcome */
export const isFault = ({ kind }) => kind !== "read" && kind !== "refused";

/**
 * Two faults of one signature are taken for the same: what it is, and its first line and place without names and numbers.
 * @param {Outcome} outcome
 */
export function signatureOf({ kind, message }) {
  if (kind !== "exception") return kind;
  const [first = "", ...places] = message.split("\n");
  const place = places.find((line) => line.includes("/dist/"))?.replace(/^.*\/dist\//, "");
  const plain = first.replace(/"[^"]*"/g, '"…"').replace(/\d+/g, "#");
  return `${kind}: ${plain.slice(0, 200)} (${place ?? "elsewhere"})`;
}
