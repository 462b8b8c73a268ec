import { PerturbError } from "./errors.ts";

/** SHA-256 in hex. @throws unsupported where the page was not loaded over HTTPS, so that the browser hides WebCrypto */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (!subtle)
    throw new PerturbError("unsupported", "SHA-256 needs WebCrypto. Load the page over HTTPS or from localhost.");
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Of several by name. @throws unsupported as `sha256` does */
export async function sha256Each(files: ReadonlyMap<string, Uint8Array>): Promise<Record<string, string>> {
  const hashes: [string, string][] = [];
  for (const [name, bytes] of files) hashes.push([name, await sha256(bytes)]);
  return Object.fromEntries(hashes);
}
