import { expect, it } from "vitest";
import { crc32 } from "./crc32.ts";

const ascii = (text: string) => new TextEncoder().encode(text);

it("gives the check value of CRC-32, whole and in parts", () => {
  expect(crc32(ascii("123456789"))).toBe(0xcbf43926);
  expect(crc32(ascii("6789"), crc32(ascii("12345")))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});
