/** An element of an XML text. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

/** The part of XML 1.0 that such a report needs; throws at anything else. */
export function parseXml(source: string): Element {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!source.startsWith(head)) throw new Error("no declaration");
  // Characters that XML 1.0 allows (production 2).
  if (/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u.test(source)) throw new Error("character");
  const decode = (text: string): string => {
    if (/[<>]|&(?!(amp|lt|gt|quot|#39);)/.test(text)) throw new Error(`not escaped: ${text}`);
    return text.replace(/&(\S+?);/g, (_, entity: string) => ENTITIES[entity]!);
  };
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  const token = /([^<]*)<(\/?)(\w[\w-]*)((?: \w+="[^"<]*")*)(\/?)>/y;
  let at = head.length;
  token.lastIndex = at;
  for (let match = token.exec(source); match; match = token.exec(source)) {
    const [, before, end, name, attributes, empty] = match;
    open.at(-1)!.text += decode(before!);
    if (end) {
      if (open.pop()?.name !== name) throw new Error(`</${name}>`);
    } else {
      const pairs = [...attributes!.matchAll(/ (\w+)="([^"]*)"/g)].map(([, key, value]) => [key!, decode(value!)]);
      if (new Set(pairs.map(([key]) => key)).size !== pairs.length) throw new Error("attribute twice");
      const element: Element = { name: name!, attributes: Object.fromEntries(pairs), children: [], text: "" };
      open.at(-1)!.children.push(element);
      if (!empty) open.push(element);
    }
    at = token.lastIndex;
  }
  if (open.length !== 1 || root.children.length !== 1 || source.slice(at).trim()) throw new Error("not balanced");
  return root.children[0]!;
}
