import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

// The rows of docs/architecture.md: a file imports from lower rows, from its own folder, or the contracts of its own row.
const ROWS: readonly (readonly string[])[] = [
  [
    "errors",
    "tensor",
    "layout",
    "norm",
    "grid",
    "random",
    "probability",
    "epsilons",
    "length",
    "version",
    "crc32",
    "quote",
    "sha256",
    "option",
    "known-options",
    "classes",
    "zip",
    "own",
    "thread-failure",
    "own-files.node",
    "staging.node",
  ],
  ["onnx"],
  ["autodiff", "runtime"],
  ["model", "models", "architecture", "architectures"],
  ["dataset", "datasets"],
  ["attack", "attack-options", "attacks", "train", "saliency", "certify"],
  ["evaluate", "harden"],
  ["report"],
  ["index", "node", "exports", "cli"],
];
const TOP = ROWS.length - 1;
/** What others of the same row may import: vocabulary, contracts, and the networks that weights are made for. */
const CONTRACTS = new Set([
  ...ROWS[0]!.map((name) => `${name}.ts`),
  "runtime.ts",
  "model.ts",
  "architecture.ts",
  "architectures/index.ts",
  "dataset.ts",
  "attack.ts",
  "attack-options.ts",
  "train.ts",
  "evaluate.ts",
  "harden.ts",
]);
const LONGEST = 250;
/** Packages that are slow to load: only by import(), in Node files, or where they are named. */
const HEAVY: Readonly<Record<string, readonly string[]>> = {
  vega: [],
  "vega-lite": [],
  "vega-interpreter": [],
  sharp: [],
  "onnxruntime-node": [],
  "onnxruntime-web": [],
  zod: [
    "evaluate/state/decode.ts",
    "harden/checkpoint.ts",
    "report/files/calibration-schema.ts",
    "report/files/certification-schema.ts",
    "report/files/detection-schema.ts",
    "report/files/linearity-schema.ts",
    "report/files/model-schema.ts",
    "report/files/schema.ts",
    "report/files/smoothing-schema.ts",
    "train/checkpoint.ts",
    "train/settings.ts",
  ],
};

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

interface Import {
  /** The file in src, or the package. */
  readonly target: string;
  readonly kind: "static" | "type" | "dynamic";
}

interface Source {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly tree: ts.SourceFile;
}

const files = (readdirSync(SRC, { recursive: true }) as string[])
  .map((path) => path.replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  .sort();

function read(path: string): Source {
  const text = readFileSync(join(SRC, path), "utf8");
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const add = (specifier: ts.Expression | undefined, kind: Import["kind"]): void => {
    if (!specifier || !ts.isStringLiteral(specifier)) return;
    const target = specifier.text.startsWith(".")
      ? relative(SRC, join(SRC, dirname(path), specifier.text)).replaceAll("\\", "/")
      : specifier.text;
    imports.push({ target, kind });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, onlyTypes(node.importClause) ? "type" : "static");
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly ? "type" : "static");
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], "dynamic");
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal as ts.Expression, "type");
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { path, lines: text.split("\n").length - 1, imports, tree };
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (!clause || clause.isTypeOnly) return clause !== undefined;
  const named = clause.namedBindings;
  return (
    !clause.name &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

const sources = files.map(read);
const isOwn = (target: string) => target.endsWith(".ts") && !target.startsWith("node:");

/** The file or folder of src that a path belongs to: "attacks", "attack", "staging.node". */
const unitOf = (path: string): string => path.split("/")[0]!.replace(/\.ts$/, "");
const rowOf = (path: string): number => ROWS.findIndex((units) => units.includes(unitOf(path)));
const isNode = (path: string): boolean => path.endsWith(".node.ts") || path === "node.ts" || path.startsWith("cli/");

/** Whether the rows allow one file to import another. */
function allowed(from: string, to: string): boolean {
  const [here, there] = [rowOf(from), rowOf(to)];
  if (there < here) return true;
  return there === here && (unitOf(from) === unitOf(to) || CONTRACTS.has(to));
}

/** Every cycle of imports once, as "a → b → a". */
function cycles(of: readonly Source[]): string[] {
  const graph = new Map(
    of.map(({ path, imports }) => [path, imports.filter(({ target }) => isOwn(target)).map(({ target }) => target)]),
  );
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") return void found.push([...way.slice(way.indexOf(path)), path].join(" → "));
    state.set(path, "open");
    for (const next of graph.get(path) ?? []) walk(next, [...way, path]);
    state.set(path, "done");
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

/** Uses of a global of Node, other than as the name of a member. */
function globals(tree: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isMember =
      ts.isPropertyAccessExpression(node.parent ?? node) && (node.parent as ts.PropertyAccessExpression).name === node;
    if (ts.isIdentifier(node) && ["process", "Buffer", "require", "__dirname"].includes(node.text) && !isMember)
      found.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

const violations = (check: (source: Source) => readonly string[]): string[] =>
  sources.flatMap((source) => check(source).map((what) => `${source.path}: ${what}`));

describe("the rows", () => {
  it("hold every file", () => {
    expect(files.filter((path) => rowOf(path) < 0)).toEqual([]);
    expect(files.length).toBeGreaterThan(100);
  });

  it("are imported downwards", () => {
    const upwards = violations(({ path, imports }) =>
      imports.filter(({ target }) => isOwn(target) && !allowed(path, target)).map(({ target }) => target),
    );
    expect(upwards).toEqual([]);
  });

  it("have composition roots that nobody imports", () => {
    const roots = violations(({ path, imports }) =>
      imports
        .filter(({ target }) => isOwn(target) && rowOf(target) === TOP && unitOf(target) !== unitOf(path))
        .map(({ target }) => target),
    );
    expect(roots).toEqual([]);
  });

  it("have no cycles, not even of types", () => {
    expect(cycles(sources)).toEqual([]);
  });

  it("use Node in *.node.ts and on the command line only", () => {
    const node = violations(({ path, imports, tree }) =>
      isNode(path)
        ? []
        : [...imports.filter(({ target }) => target.startsWith("node:")).map(({ target }) => target), ...globals(tree)],
    );
    expect(node).toEqual([]);
    const importers = violations(({ path, imports }) =>
      isNode(path)
        ? []
        : imports
            .filter(({ target, kind }) => target.endsWith(".node.ts") && kind !== "type")
            .map(({ target }) => target),
    );
    expect(importers).toEqual([]);
  });
});

describe("a file", () => {
  it(`has at most ${LONGEST} lines`, () => {
    expect(violations(({ lines }) => (lines > LONGEST ? [`${lines} lines`] : []))).toEqual([]);
  });

  it("has no default export", () => {
    const isDefault = (statement: ts.Statement) =>
      ts.isExportAssignment(statement) ||
      (ts.canHaveModifiers(statement) &&
        ts.getModifiers(statement)?.some((m) => m.kind === ts.SyntaxKind.DefaultKeyword) === true);
    expect(
      violations(({ tree }) => tree.statements.filter(isDefault).map((statement) => statement.getText().slice(0, 60))),
    ).toEqual([]);
  });

  it("loads heavy packages only when they are needed", () => {
    const heavy = violations(({ path, imports }) =>
      imports
        .filter(
          ({ target, kind }) => kind === "static" && !isNode(path) && target in HEAVY && !HEAVY[target]!.includes(path),
        )
        .map(({ target }) => target),
    );
    expect(heavy).toEqual([]);
  });

  // Not train, whose options list the networks.
  it.each(["main", "evaluate", "compare", "attack", "gradient", "inspect", "saliency", "smooth", "list", "playground"])(
    "imports what is heavy inside actions: cli %s",
    (name) => {
      const reached = new Set<string>();
      const walk = (path: string): void => {
        if (reached.has(path)) return;
        reached.add(path);
        for (const { target, kind } of sources.find((source) => source.path === path)?.imports ?? [])
          if (kind === "static" && isOwn(target)) walk(target);
      };
      walk(name === "main" ? "cli/main.ts" : `cli/commands/${name}.ts`);
      const packages = sources
        .filter(({ path }) => reached.has(path))
        .flatMap(({ imports }) => imports.filter((i) => i.kind === "static" && !isOwn(i.target)).map((i) => i.target));
      expect(new Set(packages.filter((target) => !target.startsWith("node:")))).toEqual(
        new Set(["@commander-js/extra-typings"]),
      );
    },
  );
});

describe("the page", () => {
  const WEB = fileURLToPath(new URL("../web/src/", import.meta.url));
  const PACKAGES = new Set(["preact", "preact/hooks", "@preact/signals", "comlink", "fflate"]);
  const pages = (readdirSync(WEB, { recursive: true }) as string[])
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => /\.tsx?$/.test(path) && !/\.test\.ts$|\.d\.ts$/.test(path))
    .map((path) => {
      const text = readFileSync(join(WEB, path), "utf8");
      const imports = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
      return { path, lines: text.split("\n").length - 1, imports };
    });
  const found = (check: (page: (typeof pages)[number]) => readonly string[]): string[] =>
    pages.flatMap((page) => check(page).map((what) => `${page.path}: ${what}`));

  it(`has files of at most ${LONGEST} lines`, () => {
    expect(pages.length).toBeGreaterThan(20);
    expect(found(({ lines }) => (lines > LONGEST ? [`${lines} lines`] : []))).toEqual([]);
  });

  it("imports the library, itself, and few packages", () => {
    const isStyle = (name: string) => name.endsWith(".css");
    const isBuilt = (name: string) => /^(bundled:|mnist-test-)/.test(name);
    const strangers = found(({ imports }) =>
      imports.filter((name) => !name.startsWith(".") && !PACKAGES.has(name) && !isStyle(name) && !isBuilt(name)),
    );
    expect(strangers).toEqual([]);
  });

  it("uses what runs in a browser only, and no composition root", () => {
    const wrong = found(({ imports }) =>
      imports.filter((name) => /\/src\/(cli|exports|index|node)\b|\.node\.ts$/.test(name)),
    );
    expect(wrong).toEqual([]);
  });
});

// A check that cannot fail checks nothing.
describe("the checks", () => {
  it("know what is up and what is down", () => {
    expect(allowed("models/formats/read.ts", "onnx/file.ts")).toBe(true);
    expect(allowed("onnx/file.ts", "models/formats/read.ts")).toBe(false);
    expect(allowed("autodiff/engine.ts", "runtime/ort.ts")).toBe(false);
    expect(allowed("attacks/gradient/fgsm.ts", "attack.ts")).toBe(true);
    expect(allowed("attack.ts", "attacks/gradient/fgsm.ts")).toBe(false);
    expect(allowed("attacks/gradient/fgsm.ts", "train/run.ts")).toBe(false);
  });

  it("find cycles, globals and kinds of imports", () => {
    const source = (path: string, ...targets: string[]): Source => ({
      path,
      lines: 1,
      imports: targets.map((target) => ({ target, kind: "type" })),
      tree: ts.createSourceFile(path, "", 9),
    });
    expect(cycles([source("a.ts", "b.ts"), source("b.ts", "c.ts"), source("c.ts", "b.ts")])).toEqual([
      "b.ts → c.ts → b.ts",
    ]);
    expect(globals(ts.createSourceFile("x.ts", "process.exit(); task.process; Buffer.from([])", 9, true))).toEqual([
      "process",
      "Buffer",
    ]);
    const kinds = sources.flatMap(({ imports }) => imports.map(({ kind }) => kind));
    expect(new Set(kinds)).toEqual(new Set(["static", "type", "dynamic"]));
  });
});
