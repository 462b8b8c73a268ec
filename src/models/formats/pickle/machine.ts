import { PerturbError } from "../../../errors.ts";
import { quote } from "../../../quote.ts";
import type { ByteReader } from "../binary.ts";

/** What the surrounding format gives a pickle. Nothing else can be named by it. */
export interface PickleHost {
  /** What a global stands for. @throws unsafe-file when it is not on the host's list */
  readonly global: (name: string, machine: PickleMachine) => unknown;
  /** What a persistent id stands for. */
  readonly persistent: (id: unknown, machine: PickleMachine) => unknown;
}

/** A global that a pickle may call. */
export class Callable {
  readonly call: (args: readonly unknown[], machine: PickleMachine) => unknown;
  constructor(call: Callable["call"]) {
    this.call = call;
  }
}

/** The state of a pickle program: its stack, its marks, its memo. */
export class PickleMachine {
  readonly reader: ByteReader;
  readonly host: PickleHost;
  /** Byte of the instruction that runs. */
  at = 0;
  #stack: unknown[] = [];
  readonly #below: unknown[][] = [];
  readonly #memo = new Map<number, unknown>();
  #copies: number;

  constructor(reader: ByteReader, host: PickleHost) {
    this.reader = reader;
    this.host = host;
    this.#copies = reader.left;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length === 0) throw this.error("the pickle takes a value from an empty stack.");
    return this.#stack.pop();
  }

  top(): unknown {
    if (this.#stack.length === 0) throw this.error("the pickle looks at an empty stack.");
    return this.#stack.at(-1);
  }

  /** Pops the last `count` values, in order. */
  popMany(count: number): unknown[] {
    if (this.#stack.length < count) throw this.error("the pickle takes a value from an empty stack.");
    return this.#stack.splice(this.#stack.length - count);
  }

  mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** The values since the last mark. */
  popMark(): unknown[] {
    const items = this.#stack;
    const below = this.#below.pop();
    if (below === undefined) throw this.error("the pickle goes back to a mark that it never set.");
    this.#stack = below;
    return items;
  }

  get memoSize(): number {
    return this.#memo.size;
  }

  memoize(index: number): void {
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) throw this.error(`the pickle recalls value ${index}, which it never kept.`);
    this.push(this.#memo.get(index));
  }

  /** Calls what a host allowed; anything else that a pickle tries to call is refused. */
  call(callable: unknown, args: unknown): unknown {
    if (!(callable instanceof Callable)) throw this.error("the pickle calls something that is no function.");
    if (!Array.isArray(args)) throw this.error("the pickle calls a function without a tuple of arguments.");
    return callable.call(args, this);
  }

  global(module: unknown, name: unknown): unknown {
    if (typeof module !== "string" || typeof name !== "string") throw this.error("the name of a global is no text.");
    return this.host.global(`${module}.${name}`, this);
  }

  /** To be called before `count` values are copied: an honest pickle copies each of its values once at most. */
  spend(count: number): void {
    this.#copies -= count;
    if (this.#copies < 0) throw this.unsafe("the pickle copies its values over and over.");
  }

  error(problem: string): PerturbError {
    return this.reader.error(problem, this.at);
  }

  unsafe(problem: string, data: Readonly<Record<string, unknown>> = {}): PerturbError {
    const { file } = this.reader;
    return new PerturbError("unsafe-file", `${file}, byte ${this.at}: ${problem}`, {
      data: { file, byte: this.at, ...data },
    });
  }

  unsupported(what: string): PerturbError {
    const { file } = this.reader;
    const advice = "Save the weights again with torch.save(model.state_dict(), path) and its default options.";
    return new PerturbError("unsupported", `${file}, byte ${this.at}: ${what} ${advice}`, {
      data: { file, byte: this.at },
    });
  }
}

/** A value as a list that may grow. */
export function asList(value: unknown, machine: PickleMachine): unknown[] {
  if (Array.isArray(value)) return value;
  throw machine.error("the pickle appends to something that is no list.");
}

export function asMap(value: unknown, machine: PickleMachine): Map<unknown, unknown> {
  if (value instanceof Map) return value;
  throw machine.error("the pickle sets an item of something that is no dict.");
}

export function asSet(value: unknown, machine: PickleMachine): Set<unknown> {
  if (value instanceof Set) return value;
  throw machine.error("the pickle adds to something that is no set.");
}

/** Text from the decimal digits of a pickle: a number where it is exact, else a bigint. */
export function parseInteger(digits: string, machine: PickleMachine): number | bigint {
  if (!/^[+-]?\d{1,4000}$/.test(digits)) throw machine.error(`${quote(digits)} is no integer.`);
  return narrow(BigInt(digits));
}

/** A two's complement integer of any length: a number where it is exact, else a bigint. */
export function decodeInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).reverse();
  return narrow(BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex.join("")}`)));
}

const narrow = (value: bigint): number | bigint =>
  BigInt(Number.MIN_SAFE_INTEGER) <= value && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
