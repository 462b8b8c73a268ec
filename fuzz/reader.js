// @ts-check
/**
 * What the fuzzer knows of a reader. A module of readers/ exports one as `reader`.
 *
 * @typedef {import("../dist/random.js").Random} Random
 * @typedef {object} Reader
 * @property {string} extension of the files that are kept
 * @property {readonly Uint8Array[]} seeds honest inputs
 * @property {(seed: Uint8Array, random: Random) => Uint8Array} mutate a hostile input; the same draws give the same bytes
 * @property {readonly ((bytes: Uint8Array) => unknown)[]} reads the ways to read such an input; each, or its promise, may only
 *   throw a PerturbError
 */

/** The readers, each a module of readers/. */
export const READERS = ["npy", "npz", "idx", "safetensors", "torch", "image", "vnnlib", "state", "endpoint", "onnx"];

/** @param {string} name */
export const pathOf = (name) => new URL(`./readers/${name}.js`, import.meta.url).href;

/**
 * @param {string} path of a module that exports a reader
 * @returns {Promise<Reader>}
 */
export const loadReader = async (path) => (await import(path)).reader;
