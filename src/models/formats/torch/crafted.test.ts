import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { PerturbError } from "../../../errors.ts";
import { type Tensor, toFloat32 } from "../../../tensor.ts";
import { readTorch } from "../torch.ts";

const values = (t: Tensor | undefined): number[] => [...toFloat32(t!).data];

function failure(run: () => unknown): PerturbError {
  try {
    run();
  } catch (error) {
    if (error instanceof PerturbError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

// A pickle assembler, for files that torch would not write.
const le = (size: number, value: number | bigint): string =>
  Array.from({ length: size }, (_, i) => String.fromCharCode(Number((BigInt(value) >> BigInt(8 * i)) & 255n))).join("");
const text = (s: string): string => `X${le(4, s.length)}${s}`;
const int = (n: number | bigint): string => `\x8a\x08${le(8, BigInt.asUintN(64, BigInt(n)))}`;
const tuple = (...items: string[]): string => `(${items.join("")}t`;
const dict = (items: Record<string, string>): string =>
  `}(${Object.entries(items)
    .map(([key, value]) => text(key) + value)
    .join("")}u`;
const call = (module: string, name: string, ...args: string[]): string => `c${module}\n${name}\n${tuple(...args)}R`;
const bytesOf = (latin1: string): Uint8Array => Uint8Array.from(latin1, (c) => c.charCodeAt(0));

interface View {
  offset?: number | bigint;
  dims: (number | bigint)[];
  strides: (number | bigint)[];
  count?: number | bigint;
  key?: string;
  kind?: string;
}
const storage = ({ count = 4, key = "0", kind = "FloatStorage" }: Partial<View> = {}): string =>
  `${tuple(text("storage"), `ctorch\n${kind}\n`, text(key), text("cuda:0"), int(count))}Q`;
const view = (v: View): string =>
  call(
    "torch._utils",
    "_rebuild_tensor_v2",
    storage(v),
    int(v.offset ?? 0),
    tuple(...v.dims.map(int)),
    tuple(...v.strides.map(int)),
    "\x89",
    call("collections", "OrderedDict"),
  );
const HEAD = `\x80\x02\x8a\x0a${le(10, 0x1950a86a20f9469cfc6cn)}.\x80\x02M\xe9\x03.\x80\x02}.`;
const concat = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const FOUR = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
const torchZip = (pickle: string, records: Record<string, Uint8Array> = { "data/0": FOUR }): Uint8Array => {
  const all = { "data.pkl": bytesOf(`\x80\x02${pickle}.`), ...records };
  return zipSync(Object.fromEntries(Object.entries(all).map(([name, bytes]) => [`x/${name}`, bytes])), { level: 0 });
};
const readZip = (pickle: string, records?: Record<string, Uint8Array>) => readTorch(torchZip(pickle, records), "x.pth");

describe("globals that are not on the list", () => {
  it.each([
    ["builtins", "eval"],
    ["torch.storage", "_load_from_bytes"],
    ["torch", "load"],
    ["collections.OrderedDict", "__init__"],
    ["__proto__", "constructor"],
    ["torch", "FloatStorage.__class__"],
  ])("refuses %s.%s", (module, name) => {
    const error = failure(() => readTorch(torchZip(call(module, name)), "x.pth"));
    expect(error).toMatchObject({ code: "unsafe-file", data: { global: `${module}.${name}` } });
  });

  it("shows a name without what a terminal would obey", () => {
    expect(failure(() => readTorch(torchZip(call("os\x1b[2J", "x".repeat(500))), "x.pth")).message).toMatch(
      /"os\\u001b\[2J\.x{60,80}…"/,
    );
  });
});

describe("crafted files", () => {
  it("reads a lone tensor, a parameter, lists, and pairs", () => {
    const t = view({ dims: [2, 2], strides: [1, 2] });
    const data = new Float32Array([1, 3, 2, 4]);
    const parameter = call("torch._utils", "_rebuild_parameter", t, "\x88", call("collections", "OrderedDict"));
    for (const lone of [t, parameter])
      expect([...readZip(lone)]).toEqual([["tensor", { type: "float32", dims: [2, 2], data }]]);
    expect([...readZip(tuple(t, parameter)).keys()]).toEqual(["0", "1"]);
    const pairs = call("collections", "OrderedDict", `](${tuple(text("w"), t)}${tuple(text("b"), t)}e`);
    expect([...readZip(pairs).keys()]).toEqual(["w", "b"]);
  });

  it("shares memory among contiguous views; the stride of a dimension of size 1 says nothing", () => {
    const [a, b] = readZip(
      tuple(view({ dims: [1, 4], strides: [99, 1] }), view({ offset: 1, dims: [2], strides: [1] })),
    ).values();
    expect([values(a), values(b)]).toEqual([
      [1, 2, 3, 4],
      [2, 3],
    ]);
    expect(a!.data.buffer).toBe(b!.data.buffer);
  });

  it("reads big-endian archives", () => {
    const big = Uint8Array.from(FOUR, (_, i) => FOUR[(i & ~3) + 3 - (i & 3)]!);
    const t = view({ dims: [4], strides: [1] });
    expect(values(readZip(t, { "data/0": big, byteorder: bytesOf("big") }).get("tensor"))).toEqual([1, 2, 3, 4]);
    expect(values(readZip(t, { "data/0": FOUR, byteorder: bytesOf("little") }).get("tensor"))).toEqual([1, 2, 3, 4]);
    expect(failure(() => readZip(t, { "data/0": FOUR, byteorder: bytesOf("middle") }))).toMatchObject({
      code: "invalid-file",
    });
  });

  it.each<[string, View]>([
    ["ends behind its storage", { dims: [5], strides: [1] }],
    ["begins behind its storage", { offset: 4, dims: [], strides: [] }],
    ["strides behind its storage", { dims: [2, 2], strides: [3, 1] }],
    ["a negative offset", { offset: -1, dims: [1], strides: [1] }],
    ["a negative size", { dims: [-2, -2], strides: [2, 1] }],
    ["a negative stride", { offset: 3, dims: [4], strides: [-1] }],
    ["an overflowing product", { dims: [2 ** 40, 2 ** 40], strides: [0, 0] }],
    ["a size above 2^53", { dims: [2n ** 62n], strides: [0] }],
    ["more strides than sizes", { dims: [2], strides: [1, 1] }],
    ["a storage of negative size", { dims: [0], strides: [1], count: -4 }],
    ["a storage larger than its record", { dims: [4], strides: [1], count: 2 ** 40 }],
    ["a storage smaller than its record", { dims: [2], strides: [1], count: 2 }],
    ["a storage that is not there", { dims: [4], strides: [1], key: "../../etc/passwd" }],
    ["65 dimensions", { dims: Array(65).fill(1), strides: Array(65).fill(1) }],
  ])("refuses %s", (_, v) => {
    expect(failure(() => readZip(view(v)))).toMatchObject({ code: "invalid-file", data: { file: "x.pth" } });
  });

  it("bounds what expanded views take, one by one and together", () => {
    const huge = view({ dims: [2 ** 20, 2 ** 20], strides: [0, 0] });
    expect(failure(() => readZip(huge))).toMatchObject({ code: "unsafe-file" });
    const large = view({ dims: [2 ** 20], strides: [0] });
    expect(readZip(large).get("tensor")!.data.length).toBe(2 ** 20);
    const many = dict(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`w${i}`, large])));
    expect(failure(() => readZip(many))).toMatchObject({ code: "unsafe-file" });
  });

  it("does not format what a pickle nests without end", () => {
    const cycle = "]q\x00h\x00a";
    // Each level holds the one before twice: 2^60 leaves.
    const bomb = `)${"q\x00h\x00\x86".repeat(60)}`;
    const deep = `)${"\x85".repeat(100_000)}`;
    for (const dims of [cycle, bomb, deep]) {
      const t = call("torch._utils", "_rebuild_tensor_v2", storage(), int(0), dims, dims, "\x89", "N");
      expect(failure(() => readZip(t)).code).toBe("invalid-file");
    }
  });

  it("takes no longer for long keys and long argument lists that are used again and again", () => {
    const key = "k".repeat(1_000_000);
    const many = Array.from({ length: 20_000 }, () => "h\x00h\x01R");
    const args = `(${storage({ key })}${int(0)}))${"N".repeat(100_000)}tq\x01`;
    const pickle = `ctorch._utils\n_rebuild_tensor_v2\nq\x00${args}00(${many.join("")}t.`;
    const bytes = concat(bytesOf(`${HEAD}\x80\x02${pickle}\x80\x02]${text(key)}a.${le(8, 4)}`), FOUR);
    expect(readTorch(bytes, "x.pth").size).toBe(20_000);
  });

  it("refuses a storage of two types, two sizes, or none", () => {
    const t = view({ dims: [4], strides: [1] });
    for (const other of [{ kind: "IntStorage" }, { count: 3 }])
      expect(failure(() => readZip(tuple(t, view({ dims: [1], strides: [1], ...other })))).code).toBe("invalid-file");
    expect(failure(() => readZip(`${tuple(text("storage"), "N", text("0"), text("cpu"), int(4))}Q`)).code).toBe(
      "invalid-file",
    );
  });

  it("says which types are not read", () => {
    const t = view({ dims: [1], strides: [1], kind: "ComplexFloatStorage" });
    expect(failure(() => readZip(t))).toMatchObject({ code: "unsupported" });
    expect(failure(() => readZip(t)).message).toContain("torch.ComplexFloatStorage");
    expect(failure(() => readZip("ctorch\nfloat8_e4m3fn\n"))).toMatchObject({ code: "unsupported" });
  });

  it("sends TorchScript programs back", () => {
    const records = { "data/0": FOUR, "constants.pkl": bytesOf("\x80\x02).") };
    expect(failure(() => readZip("}", records))).toMatchObject({ code: "unsupported" });
  });

  /** The archive with a field of each record of its directory set. */
  const withField = (offset: number, size: 2 | 4, value: number): Uint8Array => {
    const bytes = torchZip(dict({ w: view({ dims: [4], strides: [1] }) }));
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at + 4 <= bytes.length; at++) {
      if (data.getUint32(at, true) !== 0x02014b50) continue;
      if (size === 2) data.setUint16(at + offset, value, true);
      else data.setUint32(at + offset, value, true);
    }
    return bytes;
  };

  it("compares checksums, except where torch was told to compute none", () => {
    expect(values(readTorch(withField(16, 4, 0), "x.pth").get("w"))).toEqual([1, 2, 3, 4]);
    expect(failure(() => readTorch(withField(16, 4, 1), "x.pth"))).toMatchObject({ code: "invalid-file" });
  });

  it("refuses encrypted records, and names one that is not there", () => {
    expect(failure(() => readTorch(withField(8, 2, 1), "x.pth")).message).toContain("compressed or encrypted");
    const missing = () => readZip(dict({ w: view({ dims: [4], strides: [1], key: "7" }) }));
    expect(failure(missing).message).toContain('no entry "x/data/7"');
  });

  it("refuses compressed records, however small they claim to be", () => {
    const bomb = zipSync({
      "x/data.pkl": bytesOf(`\x80\x02$view({ dims: [2 ** 22], strides: [1], count: 2 ** 22 }).`),
      "x/data/0": new Uint8Array(2 ** 24),
    });
    expect(bomb.length).toBeLessThan(2 ** 16);
    expect(failure(() => readTorch(bomb, "bomb.pth"))).toMatchObject({ code: "invalid-file" });
  });
});

describe("crafted legacy files", () => {
  const legacy = (keys: string, count: number | bigint, data: Uint8Array = FOUR): Uint8Array =>
    concat(bytesOf(`${HEAD}\x80\x02${view({ dims: [4], strides: [1] })}.\x80\x02${keys}.${le(8, count)}`), data);

  it("reads what they should hold", () => {
    expect(values(readTorch(legacy(`]${text("0")}a`, 4), "x.pth").get("tensor"))).toEqual([1, 2, 3, 4]);
  });

  it.each<[string, Uint8Array]>([
    ["a storage of another count", legacy(`]${text("0")}a`, 3)],
    ["a storage of 2^62 elements", legacy(`]${text("0")}a`, 2n ** 62n)],
    ["a storage cut off", legacy(`]${text("0")}a`, 4, FOUR.subarray(1))],
    ["a storage that is not listed", legacy("]", 4)],
    ["a listed storage that no tensor has", legacy(`]${text("1")}a`, 4)],
    ["a storage listed twice", legacy(`](${text("0")}${text("0")}e`, 4, concat(FOUR, bytesOf(le(8, 4)), FOUR))],
    ["no list of storages", legacy("N", 4)],
    ["another version", bytesOf(HEAD.replace("M\xe9\x03", "M\xe8\x03"))],
    ["no magic number", bytesOf("\x80\x02}.")],
  ])("refuses %s", (_, bytes) => {
    expect(failure(() => readTorch(bytes, "x.pth"))).toMatchObject({ code: "invalid-file" });
  });
});
