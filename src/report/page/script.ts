import { sha256 } from "../../sha256.ts";
import { toBase64 } from "../pictures/base64.ts";

/** What makes report.html interactive, ready to stand in it. */
export interface PageScript {
  readonly script: string;
  readonly style: string;
  /** By which a Content-Security-Policy knows the script: "sha256-…". */
  readonly source: string;
}

/** A script without imports and its style, so that neither ends the element it stands in. */
export async function pageScript(script: string, style: string): Promise<PageScript> {
  // The escape means the same in texts, templates and regular expressions; outside them no script has these letters.
  const inert = script.replace(/<(?=\/script|!--)/gi, "\\x3C");
  const hex = await sha256(new TextEncoder().encode(inert));
  const bytes = Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16));
  return { script: inert, style: style.replace(/<(?=\/style)/gi, "\\3C "), source: `sha256-${toBase64(bytes)}` };
}
