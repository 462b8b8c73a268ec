import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8")) as {
  exports: Record<string, string | { readonly types: string }>;
};
const entries = Object.entries(manifest.exports).flatMap(([name, target]) =>
  typeof target === "string" ? [] : [{ name: name.replace(/^\./, "perturb"), file: `${ROOT}${target.types.slice(2)}` }],
);

const TYPES = ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Class | ts.SymbolFlags.Enum;

/** The types that signatures of these entry points name and none of them exports: "T of a.d.ts, in perturb's f". */
function unnamed(files: readonly { readonly name: string; readonly file: string }[], root: string): string[] {
  const program = ts.createProgram({
    rootNames: files.map(({ file }) => file),
    options: { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, strict: true, noEmit: true, types: [] },
  });
  const checker = program.getTypeChecker();
  const resolved = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const doors = files.map(({ name, file }) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!;
    return { name, symbols: checker.getExportsOfModule(module) };
  });
  const named = new Set(doors.flatMap(({ symbols }) => symbols.map(resolved)));
  const isOwn = (node: ts.Node): boolean => {
    const { fileName } = node.getSourceFile();
    return fileName.startsWith(root) && !fileName.includes("/node_modules/");
  };

  const missing = new Map<ts.Symbol, string>();
  const seen = new Set<ts.Symbol>();
  const follow = (symbol: ts.Symbol, from: string): void => {
    const declarations = symbol.declarations?.filter(isOwn) ?? [];
    if (seen.has(symbol) || declarations.length === 0) return;
    seen.add(symbol);
    if (symbol.flags & TYPES && !named.has(symbol))
      missing.set(symbol, `${symbol.name} of ${relative(root, declarations[0]!.getSourceFile().fileName)}, in ${from}`);
    for (const declaration of declarations) visit(declaration, from);
  };
  const visit = (node: ts.Node, from: string): void => {
    const name = nameIn(node);
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol) follow(resolved(symbol), from);
    // What is private is there by its name only.
    if (ts.canHaveModifiers(node) && node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)) return;
    ts.forEachChild(node, (child) => visit(child, from));
  };
  for (const { name, symbols } of doors) for (const s of symbols) follow(resolved(s), `${s.name} of ${name}`);
  return [...missing.values()].toSorted();
}

/** What a node refers to, if it is a reference to a type, or to the type of a value. */
function nameIn(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  if (ts.isImportTypeNode(node)) return node.qualifier;
  if (ts.isTypeQueryNode(node)) return node.exprName;
  return undefined;
}

describe("the types of the library", () => {
  it("can all be imported by name, that a public signature names", () => {
    expect(entries.length).toBeGreaterThan(5);
    expect(unnamed(entries, `${ROOT}dist/`)).toEqual([]);
  });
});

it("a type that no entry point exports is found, through an alias, a base and a type of a value", () => {
  const folder = mkdtempSync(join(tmpdir(), "perturb-types-"));
  try {
    writeFileSync(
      join(folder, "inner.d.ts"),
      `export interface Named { a: Hidden }
      interface Hidden { b: number }
      export interface Base { c: number }
      export declare const table: { d: InTable };
      interface InTable { e: number }
      interface Unreached { f: number }`,
    );
    writeFileSync(
      join(folder, "index.d.ts"),
      `import type { Base, table } from "./inner.js";
      export type { Named } from "./inner.js";
      export interface Door extends Base { of: typeof table; at: Promise<string> }`,
    );
    expect(unnamed([{ name: "x", file: join(folder, "index.d.ts") }], folder)).toEqual([
      "Base of inner.d.ts, in Door of x",
      "Hidden of inner.d.ts, in Named of x",
      "InTable of inner.d.ts, in Door of x",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
