import { PerturbError } from "../errors.ts";
import { sha256 } from "../sha256.ts";

/** @throws checksum when the bytes are not the published ones */
export async function checkSha256(file: string, bytes: Uint8Array, expected: string): Promise<void> {
  const got = await sha256(bytes);
  if (got !== expected)
    throw new PerturbError(
      "checksum",
      `${file} is not the published file: SHA-256 is ${got}, expected ${expected}. Get the file again.`,
      { data: { file, got, expected } },
    );
}
