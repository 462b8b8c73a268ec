import { messageOf, PerturbError } from "../../../src/errors.ts";

/** Bytes that a file may have: what one array of a browser holds. */
const LARGEST = 2 ** 31 - 1;

/** @throws usage for a file that no array can hold; not-found where it cannot be read */
export async function bytesOf(file: File): Promise<Uint8Array> {
  if (file.size > LARGEST)
    throw new PerturbError(
      "usage",
      `${file.name} has ${file.size} bytes, and the page takes files up to ${LARGEST}. Use the command line for it.`,
    );
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new PerturbError("not-found", `${file.name} cannot be read: ${messageOf(cause)}. Choose it again.`, {
      cause,
    });
  }
}

/** A file of the page itself. @throws not-found */
export async function fetched(url: string): Promise<Uint8Array> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new PerturbError(
      "not-found",
      `The page's own file ${url} cannot be loaded: ${messageOf(cause)}. Reload the page.`,
    );
  });
  if (!response.ok)
    throw new PerturbError(
      "not-found",
      `The page's own file ${url} is missing (${response.status}). Build the page again.`,
    );
  return new Uint8Array(await response.arrayBuffer());
}
