import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ARRAY_OF,
  argmax,
  bytesPerElement,
  type ElementType,
  fromBfloat16,
  fromFloat16,
  product,
  sampleSize,
  takeRows,
  tensor,
  toFloat32,
} from "./tensor.ts";

describe("fromFloat16", () => {
  // IEEE 754-2008 binary16.
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3bff, 0.99951171875],
    [0x3c00, 1],
    [0x3c01, 1.0009765625],
    [0xc000, -2],
    [0x7bff, 65504],
    [0xfbff, -65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
    [0xfc01, Number.NaN],
  ])("bits %i", (bits, value) => expect(fromFloat16(bits)).toBe(value));

  it("rises with its bits, and mirrors at zero", () => {
    const finite = Array.from({ length: 0x7c01 }, (_, bits) => bits);
    expect(finite.filter((bits) => bits > 0 && !(fromFloat16(bits) > fromFloat16(bits - 1)))).toEqual([]);
    expect(finite.filter((bits) => fromFloat16(bits | 0x8000) !== -fromFloat16(bits))).toEqual([]);
  });
});

describe("fromBfloat16", () => {
  it.each([
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -133],
    [0x3f80, 1],
    [0xbf80, -1],
    [0x4049, 3.140625],
    [0x3eab, 0.333984375],
    [0x7f7f, 3.3895313892515355e38],
    [0x7f80, Number.POSITIVE_INFINITY],
    [0xff80, Number.NEGATIVE_INFINITY],
    [0x7fc0, Number.NaN],
  ])("bits %i", (bits, value) => expect(fromBfloat16(bits)).toBe(value));
});

describe("toFloat32", () => {
  const converted = <T extends ElementType>(type: T, data: InstanceType<(typeof ARRAY_OF)[T]>) => [
    ...toFloat32(tensor(type, [data.length], data as never)).data,
  ];

  it("decodes every type", () => {
    expect(converted("float16", Uint16Array.of(0x3c00, 0xc000))).toEqual([1, -2]);
    expect(converted("bfloat16", Uint16Array.of(0x3f80, 0x4049))).toEqual([1, 3.140625]);
    expect(converted("float64", Float64Array.of(0.1, 1e300))).toEqual([Math.fround(0.1), Number.POSITIVE_INFINITY]);
    expect(converted("int64", BigInt64Array.of(-5n, 16777217n))).toEqual([-5, 16777216]);
    expect(converted("uint64", BigUint64Array.of(2n ** 63n))).toEqual([2 ** 63]);
    expect(converted("int8", Int8Array.of(-128, 127))).toEqual([-128, 127]);
    expect(converted("bool", Uint8Array.of(0, 1))).toEqual([0, 1]);
  });

  it("gives a float32 tensor back as it is", () => {
    const t = tensor("float32", [2], Float32Array.of(1, 2));
    expect(toFloat32(t)).toBe(t);
  });
});

describe("argmax", () => {
  it("takes the first of equals", () => {
    expect(argmax([1, 3, 3, 2], 0, 4)).toBe(1);
    expect(argmax([0, 0, 0], 0, 3)).toBe(0);
    expect(argmax([-0, 0], 0, 2)).toBe(0);
  });

  it("knows infinities", () => {
    expect(argmax([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY], 0, 2)).toBe(0);
    expect(argmax([0, Number.POSITIVE_INFINITY, 5], 0, 3)).toBe(1);
  });

  it("gives -1 where any value is NaN, wherever it stands", () => {
    for (const at of [0, 1, 2]) expect(argmax([5, 6, 7].with(at, Number.NaN), 0, 3)).toBe(-1);
  });

  it("looks at its own row only", () => {
    expect(argmax([9, 1, 2, 9], 1, 2)).toBe(1);
    expect(argmax([Number.NaN, 1, 2], 1, 2)).toBe(1);
  });

  it("agrees with a sort", () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1 }), (values) => {
        expect(argmax(values, 0, values.length)).toBe(values.indexOf(values.toSorted((a, b) => b - a)[0]!));
      }),
    );
  });
});

describe("takeRows", () => {
  const batch = tensor("float32", [3, 2], Float32Array.of(0, 1, 2, 3, 4, 5));

  it("copies rows in the order asked, repeats included", () => {
    expect(takeRows(batch, [2, 0, 2])).toEqual(tensor("float32", [3, 2], Float32Array.of(4, 5, 0, 1, 4, 5)));
    expect(takeRows(batch, [])).toEqual(tensor("float32", [0, 2], new Float32Array(0)));
  });

  it("shares no memory with its source", () => {
    takeRows(batch, [0]).data[0] = 9;
    expect(batch.data[0]).toBe(0);
  });
});

describe("tensor", () => {
  it("refuses data that do not fill its shape", () => {
    expect(() => tensor("int8", [2, 3], new Int8Array(5))).toThrow("A tensor of shape [2,3] needs 6 elements, got 5.");
  });

  it("takes scalars and empty batches", () => {
    expect(tensor("float32", [], new Float32Array(1)).data.length).toBe(1);
    expect(sampleSize(tensor("float32", [0, 3, 4], new Float32Array(0)))).toBe(12);
    expect(product([])).toBe(1);
  });

  it("knows the size of every type", () => {
    const sizes = Object.keys(ARRAY_OF).map((type) => [type, bytesPerElement(type as ElementType)]);
    expect(Object.fromEntries(sizes)).toEqual({
      float32: 4,
      float64: 8,
      float16: 2,
      bfloat16: 2,
      int8: 1,
      uint8: 1,
      int16: 2,
      uint16: 2,
      int32: 4,
      uint32: 4,
      int64: 8,
      uint64: 8,
      bool: 1,
    });
  });
});

describe("16-bit numbers in float32", () => {
  const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);
  const decoded = (type: "float16" | "bfloat16") => toFloat32({ type, dims: [2 ** 16], data: bits }).data;

  it("every half is exact: from 0 on, the steps are those of its exponent", () => {
    const values = decoded("float16");
    expect(Array.from(values)).toEqual(Array.from(bits, fromFloat16));
    expect(values[0]).toBe(0);
    const wrong = bits
      .subarray(1, 31 << 10)
      .filter((b) => values[b]! - values[b - 1]! !== 2 ** (Math.max((b - 1) >> 10, 1) - 25));
    expect(wrong).toEqual(new Uint16Array());
    expect(values[31 << 10]).toBe(Number.POSITIVE_INFINITY);
    expect(values.subarray((31 << 10) + 1, 2 ** 15).every(Number.isNaN)).toBe(true);
    expect(bits.subarray(2 ** 15, 63 << 10).every((b) => Object.is(values[b], -values[b - 2 ** 15]!))).toBe(true);
  });

  it("every bfloat16 is the upper half of a float32", () => {
    const values = decoded("bfloat16");
    expect(Array.from(values)).toEqual(Array.from(bits, fromBfloat16));
    const numbers = bits.filter((b) => !Number.isNaN(values[b]!));
    const upper = new Uint32Array(values.buffer).map((v) => v >>> 16);
    expect(numbers.length).toBe(2 ** 16 - 2 * 127);
    expect(numbers.every((b) => upper[b] === b)).toBe(true);
  });
});
