import { describe, expect, it } from "vitest";
import { PerturbError } from "../../../errors.ts";
import { ByteReader } from "../binary.ts";
import { Callable } from "./machine.ts";
import { MAX_INSTRUCTIONS, unpickle } from "./pickle.ts";

const bytesOf = (latin1: string): Uint8Array => Uint8Array.from(latin1, (c) => c.charCodeAt(0));
const set = new Callable(([items], m) => {
  m.spend((items as unknown[]).length);
  return new Set(items as unknown[]);
});
const load = (latin1: string): unknown =>
  unpickle(new ByteReader("x.pkl", bytesOf(latin1)), {
    global: (name, m) => {
      if (name === "builtins.set") return set;
      throw m.unsafe(`no ${name}`);
    },
    persistent: (id) => ({ id }),
  });

// Each pickle as CPython 3.11 dumps the object with that protocol; the last ones as Python 2 did.
const OBJECTS: [string, string, unknown][] = [
  ["2", "\x80\x02].", []],
  ["2", "\x80\x02]q\x00(K\x01M,\x01J\xff\xff\xff\xffG?\xb9\x99\x99\x99\x99\x99\x9ae.", [1, 300, -1, 0.1]],
  [
    "2",
    "\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01\x88X\x01\x00\x00\x00bq\x02\x89X\x01\x00\x00\x00cq\x03Nu.",
    new Map<string, unknown>([
      ["a", true],
      ["b", false],
      ["c", null],
    ]),
  ],
  ["2", "\x80\x02\x8a\x00.", 0],
  ["2", "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", 2n ** 63n],
  ["2", "\x80\x02\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff.", -(2n ** 63n) - 1n],
  ["2", "\x80\x02\x8a\x07\xff\xff\xff\xff\xff\xff\x1f.", 2 ** 53 - 1],
  ["2", "\x80\x02\x8a\x07\x00\x00\x00\x00\x00\x00 .", 2n ** 53n],
  ["2", "\x80\x02K\x01K\x02K\x03\x87q\x00.", [1, 2, 3]],
  ["3", "\x80\x03C\x02hiq\x00.", bytesOf("hi")],
  ["4", "\x80\x04\x95\x08\x00\x00\x00\x00\x00\x00\x00\x8f\x94(K\x01K\x02\x90.", new Set([1, 2])],
  ["4", "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00(K\x01\x91\x94.", new Set([1])],
  ["4", "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02\xc3\xa9\x94.", "é"],
  ["4", "\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00]\x94(]\x94h\x01h\x01e.", [[], [], []]],
  ["4", "\x80\x04\x8c\x08builtins\x94\x8c\x03set\x94\x93\x94]\x94K\x05a\x85\x94R\x94.", new Set([5])],
  ["5", "\x80\x05\x95\x0d\x00\x00\x00\x00\x00\x00\x00\x96\x02\x00\x00\x00\x00\x00\x00\x00hi\x94.", bytesOf("hi")],
  [
    "2 of Python 2",
    "\x80\x02(I01\nI00\nI-12345678901\nU\x01aT\x01\x00\x00\x00bt.",
    [true, false, -12345678901, "a", "b"],
  ],
  ["2, a persistent id", "\x80\x02K\x07Q.", { id: 7 }],
  ["2, DUP, POP and POP_MARK", "\x80\x02]K\x012K\x020\x86(NN1.", [1, 1]],
  ["2, DICT and LIST", "\x80\x02(K\x01(K\x02ld.", new Map([[1, [2]]])],
];

describe("unpickle", () => {
  it.each(OBJECTS)("reads protocol %s: %j", (_, pickle, object) => expect(load(pickle)).toEqual(object));

  it("reads one pickle of several", () => {
    const reader = new ByteReader("x.pkl", bytesOf("\x80\x02K\x01.\x80\x02K\x02."));
    const host = { global: () => null, persistent: () => null };
    expect([unpickle(reader, host), unpickle(reader, host), reader.left]).toEqual([1, 2, 0]);
  });

  it("keeps a cycle and a depth that recursion would not survive", () => {
    const cycle = load("\x80\x02]q\x00h\x00a.") as unknown[];
    expect(cycle[0]).toBe(cycle);
    let depth = 0;
    for (let at = load(`\x80\x02)${"\x85".repeat(200_000)}.`) as unknown[]; at.length > 0; at = at[0] as unknown[])
      depth++;
    expect(depth).toBe(200_000);
  });

  it.each([
    ["nothing", ""],
    ["no STOP", "\x80\x02N"],
    ["STOP on an empty stack", "\x80\x02."],
    ["POP on an empty stack", "\x80\x020."],
    ["TUPLE3 of two", "\x80\x02NN\x87."],
    ["DUP of nothing", "\x80\x022."],
    ["a pop through a mark", "\x80\x02N(0."],
    ["no mark", "\x80\x02Nt."],
    ["an unknown memo", "\x80\x02h\x05."],
    ["memo of nothing", "\x80\x02q\x00."],
    ["append to a number", "\x80\x02K\x01Na."],
    ["an item of a list", "\x80\x02]NNs."],
    ["an add to a dict", "\x80\x04}(N\x90."],
    ["a key without a value", "\x80\x02}(Nu."],
    ["text cut off", "\x80\x02X\x05\x00\x00\x00abc."],
    ["text of 4 GiB", "\x80\x02X\xff\xff\xff\xffabc."],
    ["bytes of 2^62", `\x80\x04\x8e${"\x00".repeat(7)}\x40.`],
    ["text that is not UTF-8", "\x80\x02X\x01\x00\x00\x00\xff."],
    ["an integer of 2 GiB", "\x80\x02\x8b\x00\x00\x00\x80."],
    ["an integer of a million digits", `\x80\x02I${"1".repeat(1e6)}\n.`],
    ["an integer that is none", "\x80\x02I0x10\n."],
    ["a line without end", "\x80\x02cos"],
    ["a frame behind the end", "\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00N."],
    ["a call of a number", "\x80\x02K\x01)R."],
    ["a call of a list", "\x80\x02]]\x81."],
    ["a call without a tuple", "\x80\x02cbuiltins\nset\nNR."],
    ["a global that is no text", "\x80\x04K\x01K\x02\x93."],
    ["attributes of a list", "\x80\x02]}b."],
    ["an extension code", "\x80\x02\x82\x01."],
    ["an instance of protocol 0", "\x80\x02(ios\nsystem\n."],
    ["an instance of protocol 1", "\x80\x02(cbuiltins\nset\no."],
    ["an out-of-band buffer", "\x80\x05\x97."],
  ])("refuses %s", (_, pickle) => {
    expect(() => load(pickle)).toThrow(PerturbError);
    expect(() => load(pickle)).toThrow(expect.objectContaining({ code: "invalid-file" }));
  });

  it("names the byte", () => expect(() => load("\x80\x02NNh\x05.")).toThrow(/^x\.pkl, byte 4: /));
  it.each([0, 1, 6])("sends protocol %d back", (version) =>
    expect(() => load(`\x80${String.fromCharCode(version)}N.`)).toThrow(
      expect.objectContaining({ code: "unsupported" }),
    ),
  );
  it("bounds its instructions", () =>
    expect(() => load(`\x80\x02${"N".repeat(MAX_INSTRUCTIONS)}.`)).toThrow(
      expect.objectContaining({ code: "unsafe-file" }),
    ));
  it("bounds copies of copies", () =>
    expect(() =>
      load(`\x80\x02cbuiltins\nset\nq\x00](${"N".repeat(100_000)}e\x85q\x01${"h\x00h\x01R0".repeat(100_000)}N.`),
    ).toThrow(expect.objectContaining({ code: "unsafe-file" })));
});
