import { printable } from "./format.ts";

/** A piece of HTML or SVG that is safe to insert as it stands. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | null | readonly Content[];

/** Markup of a template: texts put in are escaped, markup is inserted, null is nothing. */
export const html = (strings: TemplateStringsArray, ...contents: readonly Content[]): Markup =>
  new Markup(strings.map((text, i) => text + (i < contents.length ? render(contents[i]!) : "")).join(""));

/** A text as it stands: only for markup made here, never for a text from outside. */
export const trusted = (text: string): Markup => new Markup(text);

/** A value inside `<script type="application/json">`. */
export const jsonData = (value: unknown): Markup =>
  new Markup(
    JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function render(content: Content): string {
  if (content === null) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(render).join("");
  return printable(String(content), Number.POSITIVE_INFINITY).replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}
