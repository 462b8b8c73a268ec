import { describe, expect, it } from "vitest";
import { changed, exported, exportedBytes, smallClassifier } from "../../test/support/onnx.ts";
import { readOnnx, writeOnnx } from "../onnx/file.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Ops } from "../onnx/ops.ts";
import { findHead } from "./head.ts";

type Head = (b: Ops, logits: string) => string;
const kindOf = (head: Head, opset?: number): string => findHead(smallClassifier(head, opset), "scores").kind;
const soft =
  (op: string, attributes = {}): Head =>
  (b, z) =>
    b.add(op, [z], attributes);

describe("finding the logits behind a head", () => {
  it.each<[string, string, Head, number?]>([
    ["none", "logits", (_, z) => z],
    ["Softmax over the last axis", "softmax", soft("Softmax", { axis: -1 })],
    ["Softmax, axis by default", "softmax", soft("Softmax")],
    ["Softmax over axis 1", "softmax", soft("Softmax", { axis: 1 })],
    ["LogSoftmax", "log-softmax", soft("LogSoftmax", { axis: 1 })],
    ["Softmax of opset 11", "softmax", soft("Softmax"), 11],
    ["Softmax of opset 9, axis 1", "softmax", soft("Softmax", { axis: 1 }), 9],
    ["Softmax over the samples", "logits", soft("Softmax", { axis: 0 })],
    ["Softmax of opset 11 over everything", "logits", soft("Softmax", { axis: 0 }), 11],
    ["Softmax, Identity", "softmax", (b, z) => b.add("Identity", [b.add("Softmax", [z])])],
    ["Softmax, Cast and Flatten", "softmax", (b, z) => b.add("Flatten", [b.cast(b.add("Softmax", [z]), "float32")])],
    ["LogSoftmax, Dropout", "log-softmax", (b, z) => b.add("Dropout", [b.add("LogSoftmax", [z])])],
    ["Softmax scaled", "softmax", (b, z) => b.mul(b.add("Softmax", [z]), b.scalar(2, z))],
    ["two of them: the last counts", "softmax", (b, z) => b.add("Softmax", [b.add("LogSoftmax", [z])])],
  ])("%s: %s", (_, kind, head, opset) => expect(kindOf(head, opset)).toBe(kind));

  it("names the value before the head, or the output where there is none", () => {
    let logits = "";
    const graph = smallClassifier((b, z) => {
      logits = z;
      return b.add("Softmax", [z]);
    });
    expect(findHead(graph, "scores")).toEqual({ kind: "softmax", logits, through: ["Softmax"] });
    expect(findHead(smallClassifier(), "scores")).toEqual({ kind: "logits", logits: "scores", through: [] });
  });

  it("finds it over the channels of [n, classes, 1, 1], and not over an image", () => {
    const image = (axis: number, opset: number): Graph =>
      smallClassifier((b, z) => b.add("Flatten", [b.add("Softmax", [b.unsqueeze(z, [2, 3])], { axis })]), opset);
    expect(findHead(image(1, 17), "scores").kind).toBe("softmax");
    expect(findHead(image(1, 11), "scores").kind).toBe("softmax");
    expect(findHead(image(-1, 17), "scores").kind).toBe("logits");
  });

  it("does not take a node of another domain for one", () => {
    const bytes = changed(writeOnnx(smallClassifier(soft("Softmax"))), ({ graph }) => {
      graph!.node.find((node) => node.opType === "Softmax")!.domain = "com.acme";
    });
    expect(findHead(readOnnx(bytes), "scores").kind).toBe("logits");
  });

  it.each(exported)("%s gives logits", (name) => {
    expect(findHead(readOnnx(exportedBytes(name)), "logits")).toEqual({
      kind: "logits",
      logits: "logits",
      through: [],
    });
  });
});
