import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  FunctionProtoSchema,
  type GraphProto,
  AttributeProto_AttributeType as Kind,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
} from "onnx-buf";
import { describe, expect, it } from "vitest";
import { failure } from "../../test/support/datasets.ts";
import { withProgram } from "../../test/support/gradient-check.ts";
import { changed } from "../../test/support/onnx.ts";
import { subgraph } from "../../test/support/subgraph.ts";
import { tensor } from "../tensor.ts";
import { Attributes, type AttributeValue } from "./attributes.ts";
import { emptyGraph } from "./builder.ts";
import { readOnnx, writeOnnx } from "./file.ts";
import { inlineFunctions } from "./functions.ts";
import type { Graph } from "./graph.ts";
import { Ops } from "./ops.ts";

const OPSET = 17;
const DOMAIN = "model.functions";

const node = (
  opType: string,
  input: string[],
  output: string[],
  attributes: Readonly<Record<string, AttributeValue>> = {},
  domain = "",
): NodeProto =>
  create(NodeProtoSchema, { opType, domain, input, output, attribute: [...Attributes.from(attributes).protos] });

const call = (
  opType: string,
  input: string[],
  output: string[],
  attributes?: Readonly<Record<string, AttributeValue>>,
) => node(opType, input, output, attributes, DOMAIN);

/** The node with an attribute that the function is given under another name. */
function referring(to: NodeProto, name: string, refAttrName: string, type: Kind): NodeProto {
  to.attribute.push(create(AttributeProtoSchema, { name, refAttrName, type }));
  return to;
}

const fn = (
  name: string,
  input: string[],
  output: string[],
  nodes: NodeProto[],
  more: Partial<Pick<FunctionProto, "domain" | "overload" | "attribute" | "attributeProto" | "opsetImport">> = {},
): FunctionProto =>
  create(FunctionProtoSchema, {
    name,
    domain: DOMAIN,
    input,
    output,
    node: nodes,
    opsetImport: [
      create(OperatorSetIdProtoSchema, { version: BigInt(OPSET) }),
      create(OperatorSetIdProtoSchema, { domain: DOMAIN, version: 1n }),
    ],
    ...more,
  });

/** A file: x [3] goes through these nodes to y. */
function model(nodes: NodeProto[], functions: FunctionProto[]): Graph {
  const b = new Ops(emptyGraph("g", OPSET));
  b.alias("y", b.input({ name: "x", type: "float32", dims: [3] }));
  const bytes = changed(writeOnnx(b.finish(["y"])), (m) => {
    m.graph!.node = nodes;
    m.functions = functions;
    m.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: DOMAIN, version: 1n }));
  });
  return readOnnx(bytes);
}

const run = (graph: Graph): Promise<number[]> =>
  withProgram(graph, async (program) => {
    const { y } = await program.run({ x: tensor("float32", [3], Float32Array.of(-1, 0.5, 2)) });
    return Array.from(y!.data as Float32Array);
  });

/** ONNX Runtime, which knows functions itself, gives the same for both; nothing is left of the functions. */
async function expectSame(graph: Graph): Promise<void> {
  const inlined = inlineFunctions(graph);
  const bytes = writeOnnx(inlined);
  expect(Buffer.from(bytes).includes(DOMAIN)).toBe(false);
  expect(inlined.source!.functions).toEqual([]);
  expect(await run(readOnnx(bytes))).toEqual(await run(graph));
}

const scaled = fn(
  "Scaled",
  ["a"],
  ["b"],
  [
    referring(node("LeakyRelu", ["a"], ["h"]), "alpha", "slope", Kind.FLOAT),
    referring(node("Elu", ["h"], ["b"]), "alpha", "elu", Kind.FLOAT),
  ],
  { attribute: ["slope"], attributeProto: [...Attributes.from({ elu: { float: 0.5 } }).protos] },
);

const branch = (value: string): GraphProto => subgraph(OPSET, [], (b) => [b.neg(value)]);
const truth = (value: boolean) =>
  node("Constant", [], ["c"], { value: tensor("bool", [], Uint8Array.of(Number(value))) });

describe("inlining functions", () => {
  it.each<[string, NodeProto[], FunctionProto[]]>([
    [
      "attributes that are given, left to their default, and left out",
      [
        call("Scaled", ["x"], ["p"], { slope: { float: 0.25 } }),
        call("Scaled", ["p"], ["q"], { slope: { float: 0.5 }, elu: { float: 2 } }),
        call("Scaled", ["q"], ["y"]),
      ],
      [scaled],
    ],
    [
      "functions that call functions, and pass attributes on",
      [call("Outer", ["x"], ["y"], { s: { float: 0.125 } })],
      [
        fn(
          "Outer",
          ["h"],
          ["b"],
          [referring(call("Scaled", ["h"], ["a"]), "slope", "s", Kind.FLOAT), node("Add", ["a", "h"], ["b"])],
          { attribute: ["s"] },
        ),
        scaled,
      ],
    ],
    [
      "two outputs, one of them left out, and names that the model has too",
      [call("Two", ["x"], ["", "h"]), call("Two", ["h"], ["y", ""])],
      [fn("Two", ["x"], ["h", "y"], [node("Sin", ["x"], ["h"]), node("Exp", ["h"], ["y"])])],
    ],
    [
      "an input that is left out",
      [call("Clipped", ["x"], ["y"])],
      [
        fn(
          "Clipped",
          ["x", "low", "high"],
          ["y"],
          [node("Clip", ["x", "low", "high"], ["h"]), node("Neg", ["h"], ["y"])],
        ),
      ],
    ],
    [
      "a call in a branch",
      [
        truth(true),
        node("If", ["c"], ["y"], { then_branch: { graph: callIn("x") }, else_branch: { graph: branch("x") } }),
      ],
      [scaled],
    ],
    [
      "a branch in a function, that takes the function's values and attributes",
      [call("Choose", ["x"], ["h"], { s: { float: 0.75 } }), call("Choose", ["h"], ["y"], { s: { float: 2 } })],
      [
        fn(
          "Choose",
          ["a"],
          ["r"],
          [
            truth(true),
            node("Exp", ["a"], ["x"]),
            node("If", ["c"], ["r"], {
              then_branch: { graph: leakyIn("x", "s") },
              else_branch: { graph: branch("a") },
            }),
          ],
          { attribute: ["s"] },
        ),
      ],
    ],
  ])("%s", async (_, nodes, functions) => {
    await expectSame(model(nodes, functions));
  });

  it("takes what ONNX Runtime does not: an input that is an output, nodes in any order", async () => {
    const pass = fn("Pass", ["a"], ["b", "a"], [node("Neg", ["h"], ["b"]), node("Exp", ["a"], ["h"])]);
    const graph = model([call("Pass", ["x"], ["p", "q"]), node("Add", ["p", "q"], ["y"])], [pass]);
    for (const [i, value] of (await run(inlineFunctions(graph))).entries())
      expect(value).toBeCloseTo([-1, 0.5, 2].map((v) => v - Math.exp(v))[i]!, 5);
  });

  it("tells overloads apart", async () => {
    const overloaded = call("F", ["x"], ["y"]);
    overloaded.overload = "negative";
    const functions = [
      fn("F", ["a"], ["b"], [node("Exp", ["a"], ["b"])]),
      fn("F", ["a"], ["b"], [node("Neg", ["a"], ["b"])], { overload: "negative" }),
    ];
    expect(await run(inlineFunctions(model([overloaded], functions)))).toEqual([1, -0.5, -2]);
  });

  it("leaves functions of the standard domain to ONNX Runtime, which leaves them alone", async () => {
    const graph = model(
      [node("Relu", ["x"], ["y"])],
      [fn("Relu", ["a"], ["b"], [node("Neg", ["a"], ["b"])], { domain: "" })],
    );
    expect(inlineFunctions(graph)).toBe(graph);
    expect(await run(graph)).toEqual([0, 0.5, 2]);
  });

  it("adds the operator sets that only functions use, and drops those of the functions", () => {
    const opsetImport = [17, 1].map((version, i) =>
      create(OperatorSetIdProtoSchema, { version: BigInt(version), domain: i === 0 ? "ai.onnx" : "com.microsoft" }),
    );
    const graph = model(
      [call("G", ["x"], ["y"])],
      [fn("G", ["a"], ["b"], [node("Gelu", ["a"], ["b"], {}, "com.microsoft")], { opsetImport })],
    );
    expect([...inlineFunctions(graph).opsets]).toEqual([
      ["", 17],
      ["com.microsoft", 1],
    ]);
  });
});

describe("functions that cannot be inlined", () => {
  const chain = (length: number, calls: number): FunctionProto[] =>
    Array.from({ length }, (_, i) => {
      const values = Array.from({ length: calls }, (_unused, k) => `v${k}`);
      const inner = (k: number) =>
        i === 0
          ? node("Neg", [values[k - 1] ?? "a"], [values[k]!])
          : call(`F${i - 1}`, [values[k - 1] ?? "a"], [values[k]!]);
      return fn(
        `F${i}`,
        ["a"],
        [values.at(-1)!],
        values.map((_unused, k) => inner(k)),
      );
    });

  it.each<[string, "invalid-file" | "unsupported", string, FunctionProto[]]>([
    ["one that calls itself", "invalid-file", "calls itself", [fn("F", ["a"], ["b"], [call("F", ["a"], ["b"])])]],
    [
      "two that call each other",
      "invalid-file",
      "calls itself",
      [fn("F", ["a"], ["b"], [call("G", ["a"], ["b"])]), fn("G", ["a"], ["b"], [call("F", ["a"], ["b"])])],
    ],
    [
      "one that uses what nothing makes",
      "invalid-file",
      '"x", which nothing makes',
      [fn("F", ["a"], ["b"], [node("Add", ["a", "x"], ["b"])])],
    ],
    [
      "one whose output nothing makes",
      "invalid-file",
      '"b", which nothing makes',
      [fn("F", ["a"], ["b"], [node("Neg", ["a"], ["c"])])],
    ],
    [
      "one with too few outputs",
      "invalid-file",
      '"output 0", which nothing makes',
      [fn("F", ["a"], [], [node("Neg", ["a"], ["c"])])],
    ],
    [
      "a circle of nodes",
      "invalid-file",
      "cycle",
      [fn("F", ["a"], ["b"], [node("Neg", ["c"], ["b"]), node("Neg", ["b"], ["c"])])],
    ],
    [
      "another opset",
      "unsupported",
      "version 11",
      [
        fn("F", ["a"], ["b"], [node("Neg", ["a"], ["b"])], {
          opsetImport: [create(OperatorSetIdProtoSchema, { version: 11n })],
        }),
      ],
    ],
    [
      "too many nodes",
      "unsupported",
      "131072 nodes",
      [...chain(40, 2), fn("F", ["a"], ["b"], [call("F39", ["a"], ["b"])])],
    ],
    ["too deep", "unsupported", "of 64 allowed", [...chain(80, 1), fn("F", ["a"], ["b"], [call("F79", ["a"], ["b"])])]],
  ])("%s", async (_, code, words, functions) => {
    const graph = model([call("F", ["x"], ["y"])], functions);
    expect((await failure(code, () => inlineFunctions(graph))).message).toContain(words);
  });

  it("unless nothing calls them", async () => {
    const graph = model([node("Neg", ["x"], ["y"])], [fn("F", ["a"], ["b"], [call("F", ["a"], ["b"])])]);
    expect(await run(inlineFunctions(graph))).toEqual([1, -0.5, -2]);
  });
});

function callIn(value: string): GraphProto {
  const graph = branch(value);
  graph.node[0] = call("Scaled", [value], graph.node[0]!.output, { slope: { float: 0.25 } });
  return graph;
}

function leakyIn(value: string, attribute: string): GraphProto {
  const graph = branch(value);
  const leaky = node("LeakyRelu", [value], graph.node[0]!.output);
  graph.node[0] = referring(leaky, "alpha", attribute, Kind.FLOAT);
  return graph;
}

describe("attributes", () => {
  it("of a function are only taken by their own name", () => {
    const graph = model([call("Scaled", ["x"], ["y"], { elu: { float: 1 } })], [scaled]);
    const alphas = inlineFunctions(graph).nodes.map(({ attributes }): readonly AttributeProto[] => attributes.protos);
    expect(alphas.map((list) => list.map((a) => [a.name, a.f, a.refAttrName]))).toEqual([[], [["alpha", 1, ""]]]);
  });
});
