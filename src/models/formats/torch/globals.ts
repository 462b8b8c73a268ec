import { quote } from "../../../quote.ts";
import { ARRAY_OF, bytesPerElement, type ElementType } from "../../../tensor.ts";
import { Callable, type PickleMachine } from "../pickle/machine.ts";
import { MAX_RANK, StoredTensor, TorchStorage, viewProblem } from "./tensor.ts";

/** The class of a storage, as pickles name it: `torch.FloatStorage`. */
export class StorageClass {
  readonly type: TorchStorage["type"];
  constructor(type: TorchStorage["type"]) {
    this.type = type;
  }
}

/** `torch.float32` */
class DType {
  readonly type: ElementType;
  constructor(type: ElementType) {
    this.type = type;
  }
}

const STORAGES: Readonly<Record<string, ElementType>> = {
  FloatStorage: "float32",
  DoubleStorage: "float64",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

/** The rest of the arguments says what only training needs. */
const rebuildTensor = new Callable(([storage, offset, dims, strides], m) => {
  if (!(storage instanceof TorchStorage) || storage.type === "untyped")
    throw m.error("a tensor without a typed storage.");
  return storedTensor(storage, storage.type, offset, dims, strides, m);
});

/** For types that have no storage class of their own. */
const rebuildUntyped = new Callable(([storage, offset, dims, strides, _requiresGrad, _hooks, dtype], m) => {
  if (!(storage instanceof TorchStorage) || !(dtype instanceof DType))
    throw m.error("a tensor without a storage or a type.");
  return storedTensor(storage, dtype.type, offset, dims, strides, m);
});

function storedTensor(
  storage: TorchStorage,
  type: ElementType,
  offset: unknown,
  dims: unknown,
  strides: unknown,
  m: PickleMachine,
): StoredTensor {
  if (typeof offset !== "number" || !isNumbers(dims) || !isNumbers(strides))
    throw m.error("a tensor without an offset, a shape or strides that are counts.");
  const problem = viewProblem(offset, dims, strides, Math.floor(storage.byteLength / bytesPerElement(type)));
  if (problem !== undefined) throw m.error(problem);
  return new StoredTensor(storage, type, offset, [...dims], [...strides]);
}

const isNumbers = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_RANK + 1 && value.every((n) => typeof n === "number");

/** A call that gives back its first argument: a Parameter's tensor, a Size's tuple, a device's name. */
const first = new Callable(([value = []]) => value);

const set = new Callable(([items = []], m) => {
  if (!Array.isArray(items)) throw m.error("a set of something that is no list.");
  m.spend(items.length);
  return new Set(items);
});

/** From nothing, or from pairs. */
const orderedDict = new Callable(([pairs = []], m) => {
  if (!Array.isArray(pairs)) throw m.error("an OrderedDict of something that is no list of pairs.");
  m.spend(pairs.length);
  return new Map(
    pairs.map((pair): [unknown, unknown] => {
      if (!Array.isArray(pair)) throw m.error("an OrderedDict of something that is no list of pairs.");
      return [pair[0], pair[1]];
    }),
  );
});

const counter = new Callable(([counts = new Map()]) => counts);

/** Every global that a weight file may name. What they stand for does nothing but describe tensors. */
const GLOBALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...Object.entries(STORAGES).map(([name, type]) => [`torch.${name}`, new StorageClass(type)] as const),
  ...(Object.keys(ARRAY_OF) as ElementType[]).map((type) => [`torch.${type}`, new DType(type)] as const),
  ["torch.storage.UntypedStorage", new StorageClass("untyped")],
  ["torch._utils._rebuild_tensor", rebuildTensor],
  ["torch._utils._rebuild_tensor_v2", rebuildTensor],
  ["torch._utils._rebuild_tensor_v3", rebuildUntyped],
  ["torch._utils._rebuild_parameter", first],
  ["torch._utils._rebuild_parameter_with_state", first],
  ["torch.Size", first],
  ["torch.device", first],
  ["collections.OrderedDict", orderedDict],
  // The state of torch.optim.lr_scheduler.MultiStepLR, often in a checkpoint.
  ["collections.Counter", counter],
  ["builtins.set", set],
  ["__builtin__.set", set],
]);

/** Types of tensors that torch has and this library has not. */
const UNSUPPORTED = /^torch\.((Complex|Q)\w+Storage|(float[48]_|complex|quint|qint|bits)\w+|u?int[1-7])$/;

/** What a global of a weight file stands for. @throws unsafe-file for any that is not on the list, unsupported */
export function torchGlobal(name: string, m: PickleMachine): unknown {
  const known = GLOBALS.get(name);
  if (known !== undefined) return known;
  if (UNSUPPORTED.test(name)) throw m.unsupported(`${quote(name)} is a type of tensors that is not read.`);
  const model = namesModuleState(m) ? " The file seems to hold a whole pickled model, not its weights alone." : "";
  throw m.unsafe(
    `the pickle asks for ${quote(name)}, and to load that would run code. Nothing was run.${model} If you trust the file, load it in Python and save its weights alone: torch.save(model.state_dict(), "weights.pth").`,
    { global: name.slice(0, 200) },
  );
}

/** Whether what follows looks like a pickled torch.nn.Module. */
function namesModuleState({ reader }: PickleMachine): boolean {
  const ahead = reader.bytes.subarray(reader.position, Math.min(reader.end, reader.position + 2 ** 20));
  return new TextDecoder("latin1").decode(ahead).includes("_parameters");
}
