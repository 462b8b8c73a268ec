import { asList, asMap, asSet, decodeInteger, type PickleMachine, parseInteger } from "./machine.ts";

type Opcode = (m: PickleMachine) => void;

/** The most bytes of an integer: 4096 bits are more than any checkpoint needs. */
const MAX_INTEGER_BYTES = 512;

/**
 * The instructions of pickle protocols 2 to 5 (names as in CPython's pickletools), and INT, which Python 2 mixed in.
 * What only older protocols write, extension codes and out-of-band buffers are left out.
 */
export const OPCODES: Readonly<Record<number, Opcode>> = byCode({
  // The stack and the memo.
  "(": (m) => m.mark(),
  "0": (m) => m.pop(),
  "1": (m) => m.popMark(),
  "2": (m) => m.push(m.top()), // DUP
  q: (m) => m.memoize(m.reader.u8()), // BINPUT
  r: (m) => m.memoize(m.reader.u32()), // LONG_BINPUT
  "\x94": (m) => m.memoize(m.memoSize), // MEMOIZE
  h: (m) => m.recall(m.reader.u8()), // BINGET
  j: (m) => m.recall(m.reader.u32()), // LONG_BINGET

  // Atoms.
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  I: (m) => m.push(int(m.reader.line(), m)), // INT
  J: (m) => m.push(m.reader.i32()), // BININT
  K: (m) => m.push(m.reader.u8()), // BININT1
  M: (m) => m.push(m.reader.u16()), // BININT2
  "\x8a": (m) => m.push(long(m.reader.u8(), m)), // LONG1
  "\x8b": (m) => m.push(long(m.reader.u32(), m)), // LONG4
  G: (m) => m.push(m.reader.f64()), // BINFLOAT

  // Text and bytes.
  T: (m) => m.push(m.reader.text(m.reader.u32())), // BINSTRING
  U: (m) => m.push(m.reader.text(m.reader.u8())), // SHORT_BINSTRING
  X: (m) => m.push(m.reader.text(m.reader.u32())), // BINUNICODE
  "\x8c": (m) => m.push(m.reader.text(m.reader.u8())), // SHORT_BINUNICODE
  "\x8d": (m) => m.push(m.reader.text(m.reader.u64())), // BINUNICODE8
  B: (m) => m.push(m.reader.take(m.reader.u32())), // BINBYTES
  C: (m) => m.push(m.reader.take(m.reader.u8())), // SHORT_BINBYTES
  "\x8e": (m) => m.push(m.reader.take(m.reader.u64())), // BINBYTES8
  "\x96": (m) => m.push(m.reader.take(m.reader.u64())), // BYTEARRAY8

  // Containers. Tuples are arrays, as lists.
  ")": (m) => m.push([]),
  "\x85": (m) => m.push(m.popMany(1)),
  "\x86": (m) => m.push(m.popMany(2)),
  "\x87": (m) => m.push(m.popMany(3)),
  t: (m) => m.push(m.popMark()), // TUPLE
  "]": (m) => m.push([]),
  l: (m) => m.push(m.popMark()), // LIST
  a: (m) => append([m.pop()], m),
  e: (m) => append(m.popMark(), m), // APPENDS
  "}": (m) => m.push(new Map()),
  d: (m) => m.push(setItems(new Map(), m.popMark(), m)), // DICT
  s: (m) => setTop(m.popMany(2), m), // SETITEM
  u: (m) => setTop(m.popMark(), m), // SETITEMS
  "\x8f": (m) => m.push(new Set()),
  "\x90": (m) => addItems(m.popMark(), m), // ADDITEMS
  "\x91": (m) => m.push(new Set(m.popMark())), // FROZENSET

  // Names and calls.
  c: (m) => m.push(m.global(m.reader.line(), m.reader.line())),
  "\x93": (m) => m.push(m.global(...(m.popMany(2) as [unknown, unknown]))), // STACK_GLOBAL
  R: reduce, // REDUCE: callable(*args)
  "\x81": reduce, // NEWOBJ: cls.__new__(cls, *args)
  b: build,
  Q: (m) => m.push(m.host.persistent(m.pop(), m)), // BINPERSID

  // Headers.
  "\x80": protocol,
  "\x95": frame,
});

function byCode(table: Readonly<Record<string, Opcode>>): Record<number, Opcode> {
  return Object.fromEntries(Object.entries(table).map(([char, opcode]) => [char.charCodeAt(0), opcode]));
}

function int(digits: string, m: PickleMachine): number | bigint | boolean {
  // Protocol 1's booleans.
  return digits === "00" ? false : digits === "01" ? true : parseInteger(digits, m);
}

function long(length: number, m: PickleMachine): number | bigint {
  if (length > MAX_INTEGER_BYTES)
    throw m.error(`an integer of ${length} bytes; at most ${MAX_INTEGER_BYTES} are read.`);
  return decodeInteger(m.reader.take(length));
}

function append(items: unknown[], m: PickleMachine): void {
  const list = asList(m.top(), m);
  for (const item of items) list.push(item);
}

function setItems(map: Map<unknown, unknown>, items: unknown[], m: PickleMachine): Map<unknown, unknown> {
  if (items.length % 2 !== 0) throw m.error("a dict with a key that has no value.");
  for (let i = 0; i < items.length; i += 2) map.set(items[i], items[i + 1]);
  return map;
}

function setTop(items: unknown[], m: PickleMachine): void {
  setItems(asMap(m.top(), m), items, m);
}

function addItems(items: unknown[], m: PickleMachine): void {
  const set = asSet(m.top(), m);
  for (const item of items) set.add(item);
}

function reduce(m: PickleMachine): void {
  const [callable, args] = m.popMany(2);
  m.push(m.call(callable, args));
}

/** BUILD sets attributes. The only honest ones here are an OrderedDict's, such as `_metadata`: nobody reads them. */
function build(m: PickleMachine): void {
  m.pop();
  if (!(m.top() instanceof Map)) throw m.error("the pickle sets attributes of something that is no OrderedDict.");
}

function protocol(m: PickleMachine): void {
  const version = m.reader.u8();
  if (version < 2 || version > 5) throw m.unsupported(`pickle protocol ${version}; 2 to 5 are read.`);
}

function frame(m: PickleMachine): void {
  const length = m.reader.u64();
  if (length > m.reader.left) throw m.error(`a frame of ${length} bytes, ${m.reader.left} are left.`);
}
