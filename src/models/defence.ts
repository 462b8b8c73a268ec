import { straightThroughName } from "../autodiff/straight-through.ts";
import type { Ops } from "../onnx/ops.ts";

/** The size of the pictures that a defence gets. */
export interface PlaneSize {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** Where a defence appends its nodes. */
export interface DefenceSite {
  readonly b: Ops;
  /** Samples in pixels from 0 to 1: [N, channels, height, width] float32, or in any shape [N, …] of a defence for all samples. */
  readonly x: string;
  readonly size: PlaneSize;
}

/** The number of a defence, such as the quality of JPEG. */
export interface DefenceNumber {
  /** What it says, for lists and messages. */
  readonly about: string;
  readonly byDefault: number;
  readonly least: number;
  readonly most: number;
  /** Whether it may lie between whole numbers; by default it may not. */
  readonly isReal?: true;
  /** What else it has to be, or null. */
  readonly refuse?: (value: number) => string | null;
}

/**
 * A transformation of samples in front of a network that is meant to undo small changes. Nodes that step have names that let the
 * gradient pass (`stepping`), so that whoever differentiates the file attacks it adaptively.
 */
export interface Defence {
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  readonly number: DefenceNumber;
  /** Whether it is for pictures alone; else it is for samples of any shape. */
  readonly isOfPictures: boolean;
  /** Whether it draws at random, anew in each run: attacks then average several runs. */
  readonly isRandom: boolean;
  /** It makes so many channels of each, as its number says: the network behind it takes these, and none that takes pictures will do. */
  readonly encodes?: true;
  /** Appends its nodes; gives the name of the result, in the shape and units of `x` unless it encodes. @throws unsupported for a size it cannot take */
  readonly apply: (site: DefenceSite, value: number) => string;
}

/**
 * A node that steps, or clips, and passes the gradient as if it did not: the backward pass differentiable approximation (BPDA) of Athalye,
 * Carlini and Wagner (2018, https://arxiv.org/abs/1802.00420), §4.1, with the identity.
 */
export const stepping = (b: Ops, op: "Round" | "Clip", inputs: readonly string[]): string =>
  b.named(straightThroughName(b.fresh(op)), op, inputs);

/** To whole numbers from 0 to 255, as 8-bit pixels are. */
export const inBytes = (b: Ops, x: string): string =>
  stepping(b, "Clip", [stepping(b, "Round", [x]), b.scalar(0, x), b.scalar(255, x)]);
