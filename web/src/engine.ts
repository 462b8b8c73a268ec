import type { OptionFacts, OptionValue } from "../../src/attack-options.ts";
import type { AttackFamily } from "../../src/attacks/index.ts";
import type { LinearView } from "../../src/evaluate/linear/along.ts";
import type { Evaluation, Example, Picture } from "../../src/evaluate.ts";
import type { Bounds, Head } from "../../src/model.ts";
import type { BundledModel } from "../../src/models/bundled.ts";
import type { Inspection } from "../../src/models/classifier/inspect.ts";
import type { NormName } from "../../src/norm.ts";
import type { HardenedModel, HardenRequest, HardenWord } from "./hardening.ts";
import type { Proof, ProofRequest, Searched, SearchRequest } from "./withstanding.ts";

export { type Failure, failureOf } from "./failure.ts";
export type { HardenedModel, HardenRequest, HardenWord } from "./hardening.ts";
export type { Proof, ProofRequest, Searched, SearchRequest } from "./withstanding.ts";

/** What runs in the worker, as the page sees it. Everything crosses a thread: plain data, and files. */
export interface Engine {
  /** What there is to work with. */
  environment(): Promise<Environment>;
  /** Every attack of the library, described, family by family. */
  attacks(): Promise<readonly AttackInfo[]>;
  openBundled(name: BundledModel, device: WebDevice): Promise<ModelInfo>;
  /** @throws PerturbError as plain data: see `failureOf` */
  openFile(file: File, options: FileOptions, device: WebDevice): Promise<ModelInfo>;
  /** Stops attacks on the model; a run goes on to its end. */
  closeModel(model: ModelId): Promise<void>;
  /** The test set that comes with the page. */
  openMnist(): Promise<DataInfo>;
  /** A .npz of one's own, with x and y. */
  openDataFile(file: File): Promise<DataInfo>;
  /** Samples of the open data, in the shape of the model. */
  samples(model: ModelId, from: number, count: number): Promise<readonly Sample[]>;
  /** The middle of a picture, resized to the model's shape, in the model's bounds; `invert`: its negative. */
  decodePicture(model: ModelId, picture: Blob, invert: boolean): Promise<Float32Array>;
  /** Logits of one sample. */
  ask(model: ModelId, x: Float32Array): Promise<Answer>;
  /** Attacks one sample. A later call stops those before it: they end as `cancelled`. */
  attack(request: AttackRequest, progress?: (queries: number) => void): Promise<AttackOutcome>;
  /** Looks for the smallest ε at which the attack fools the sample. An attack stops it. */
  search(request: SearchRequest, hear: (found: Searched) => void): Promise<Searched>;
  /** Looks for the largest ε that is proven of a sample, and tells each that is. A later call stops those before it. */
  prove(request: ProofRequest, hear: (proof: Proof) => void): Promise<Proof>;
  stopProving(): Promise<void>;
  /** Trains a model on the second half of the open data. One at a time; ends by itself, by `stopHardening`, or with an error. */
  harden(request: HardenRequest, hear: (word: HardenWord) => void): Promise<HardenedModel>;
  /** The training ends with the best epoch so far, or as `cancelled` where none has ended. */
  stopHardening(): Promise<void>;
  /** Logits on both sides of the sample: see `linearView`. A later call stops those before it. */
  linear(request: AttackRequest): Promise<LinearView>;
  /** The attacked sample as a file. */
  attackFile(
    format: FileFormat,
    request: AttackRequest,
    outcome: AttackOutcome,
    classNames: readonly string[],
  ): Promise<AttackFile>;
  /** Runs an evaluation, and tells what is counted so far. One at a time; ends by itself, by `stop`, or with an error. */
  run(request: RunRequest, hear: (progress: RunProgress) => void): Promise<RunResult>;
  pause(paused: boolean): Promise<void>;
  stop(): Promise<void>;
  /** The adversarial examples that the last run found on a model, as a .npz. @throws not-found */
  exampleFile(model: ModelId): Promise<Uint8Array>;
}

export type ModelId = string;
export type WebDevice = "cpu" | "webgpu";

export interface Environment {
  /** Whether the page may use several threads in one graph. */
  readonly isolated: boolean;
  readonly cores: number;
  readonly webgpu: boolean;
  readonly version: string;
}

export interface FileOptions {
  /** For weights without a graph; by default the only one that there is. */
  readonly arch?: "lenet";
  readonly shape?: readonly number[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
}

export interface ModelInfo {
  readonly id: ModelId;
  readonly name: string;
  /** By which the command line and a link know it; null for a file of one's own. */
  readonly bundled: BundledModel | null;
  readonly sha256: string;
  readonly inputShape: readonly number[];
  /** Whether the file leaves sizes of a sample open, so that `options.shape` may set them. */
  readonly sizesOpen: boolean;
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  readonly head: Head;
  readonly bounds: Bounds;
  readonly parameters: number;
  readonly options: FileOptions;
  readonly device: WebDevice;
  readonly runtime: string;
  readonly inspection: Inspection;
  /** What was assumed of it. */
  readonly notes: readonly string[];
}

export interface DataInfo {
  readonly name: string;
  readonly size: number;
  readonly shape: readonly number[];
  readonly classes: number;
  readonly classNames: readonly string[] | null;
}

export interface Sample {
  readonly index: number;
  readonly label: number;
  readonly x: Float32Array;
}

export interface Answer {
  readonly logits: readonly number[];
  readonly probabilities: readonly number[];
  /** -1 where the model answered NaN. */
  readonly prediction: number;
}

/** An option of an attack, told by its default. */
export type AttackOption = OptionFacts;

export interface AttackInfo {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly family: AttackFamily;
  readonly norms: readonly NormName[];
  readonly aim: "within-epsilon" | "least-change";
  readonly needs: "gradient" | "logits";
  /** What else it cannot do without. */
  readonly also: "surrogate" | "examples" | null;
  readonly options: readonly AttackOption[];
  readonly members: boolean;
}

export type OptionValues = Readonly<Record<string, OptionValue>>;

/** How samples are attacked. */
export interface AttackSetting {
  readonly attack: string;
  /** Those that differ from the defaults. */
  readonly options: OptionValues;
  readonly norm: NormName;
  /** The target class; null: untargeted. */
  readonly target: number | null;
  readonly seed: number;
  /** 256: on what an 8-bit picture can hold. */
  readonly levels: 256 | null;
  /** The model that transfer attacks work on. */
  readonly surrogate: ModelId | null;
}

export interface AttackRequest extends AttackSetting {
  readonly model: ModelId;
  readonly x: Float32Array;
  readonly label: number;
  /** The key of all randomness: the sample's index in the data set, 0 for a picture of one's own. */
  readonly index: number;
  readonly epsilon: number;
}

/** A point that the attack queried. */
export interface Frame {
  /** Which of its queries it was, from 1 on. */
  readonly query: number;
  readonly x: Float32Array;
  readonly probabilities: readonly number[];
  readonly prediction: number;
}

export interface AttackOutcome {
  /** Whether the sample was attacked: one that is misclassified when clean, or whose label is the target, is not. */
  readonly attacked: boolean;
  readonly success: boolean;
  readonly adversarial: Float32Array;
  readonly before: Answer;
  readonly after: Answer;
  readonly distances: { readonly linf: number; readonly l2: number; readonly l1: number; readonly l0: number };
  /** Points that the attack queried, thinned where they are many; the last is what was judged. */
  readonly frames: readonly Frame[];
  readonly forwards: number;
  readonly gradients: number;
  readonly seconds: number;
}

export type FileFormat = "png" | "npz" | "json" | "svg";

export interface AttackFile {
  readonly bytes: Uint8Array;
  /** For files that hold the sample itself. */
  readonly readBack: ReadBack | null;
}

/** The prediction for a file once it is read back. */
export interface ReadBack {
  readonly answer: Answer;
  /** Whether it still reaches the attack's goal. */
  readonly holds: boolean;
}

export interface RunRequest {
  readonly models: readonly ModelId[];
  /** One or several; each sample is attacked by one after the other until it is fooled. */
  readonly attacks: readonly { readonly attack: string; readonly options: OptionValues }[];
  readonly setting: Omit<AttackSetting, "attack" | "options">;
  readonly epsilons: readonly number[];
  readonly limit: number;
  readonly offset: number;
}

export interface RunProgress {
  readonly model: ModelId;
  readonly done: number;
  readonly total: number;
  /** Samples a second since it began, pauses left out. */
  readonly rate: number;
  /** What is counted so far. */
  readonly evaluation: Evaluation;
}

/** The result for each model that came to its end, or as far as it came. */
export interface RunResult {
  readonly stopped: boolean;
  readonly results: readonly ModelResult[];
}

export interface ModelResult {
  readonly model: ModelId;
  readonly evaluation: Evaluation;
  /** The first adversarial examples of each point, with their pixels. */
  readonly examples: readonly (readonly ShownExample[])[];
  readonly cleanExamples: readonly ShownExample[];
}

/** An example with its pixels. */
export type ShownExample = Example & Picture;
