import type { ByteReader } from "../binary.ts";
import { type PickleHost, PickleMachine } from "./machine.ts";
import { OPCODES } from "./opcodes.ts";

/** The most instructions of a pickle; a tensor takes about 40. It bounds memory where a byte makes an object of 200. */
export const MAX_INSTRUCTIONS = 2 ** 20;

const STOP = ".".charCodeAt(0);

/**
 * The object of the pickle at `reader`, which is left behind its end. Nothing that the pickle names is run: a global is
 * what `host` gives for it. int is a number, or a bigint above 2^53; bytes are a view; dict, set, list and tuple are
 * Map, Set and arrays. No recursion, however deep the object.
 * @throws invalid-file, unsafe-file, unsupported. Format: https://github.com/python/cpython/blob/3.13/Lib/pickletools.py
 */
export function unpickle(reader: ByteReader, host: PickleHost): unknown {
  const machine = new PickleMachine(reader, host);
  for (let count = 0; count < MAX_INSTRUCTIONS; count++) {
    machine.at = reader.position;
    const code = reader.u8();
    if (code === STOP) return machine.pop();
    const opcode = OPCODES[code];
    if (opcode === undefined)
      throw machine.error(`0x${code.toString(16).padStart(2, "0")} is no instruction of pickle protocols 2 to 5.`);
    opcode(machine);
  }
  throw machine.unsafe(
    `the pickle has more than ${MAX_INSTRUCTIONS} instructions. Save the weights alone: torch.save(model.state_dict(), path).`,
  );
}
