import { describe, expect, it, vi } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { sha256 } from "../sha256.ts";
import { checkSha256 } from "./checksum.ts";

const ascii = (text: string) => new TextEncoder().encode(text);
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-4, appendix B.1

describe("checksums", () => {
  it("gives the published SHA-256 of abc", async () => {
    expect(await sha256(ascii("abc"))).toBe(ABC);
    await checkSha256("abc", ascii("abc"), ABC);
  });

  it("names the file, and both hashes, when they differ", async () => {
    const error = await failure("checksum", () => checkSha256("abc", ascii("abd"), ABC));
    expect(error.data).toEqual({ file: "abc", got: await sha256(ascii("abd")), expected: ABC });
  });

  it("says what to do where a page has no WebCrypto", async () => {
    vi.stubGlobal("crypto", {});
    const error = await failure("unsupported", () => sha256(ascii("abc"))).finally(() => vi.unstubAllGlobals());
    expect(error.message).toContain("HTTPS");
  });
});
