import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { didYouMean, PerturbError } from "../../errors.ts";
import { isBundled } from "../../models/bundled.ts";
import type { ChannelOrder } from "../../models/classifier/preprocess.ts";
import type { CropRounding, Interpolation, Preprocessing } from "../../models/preprocessing/preprocessing.ts";
import type { Note } from "../../option.ts";
import { isAddress } from "./address.ts";

/** The options that say how pictures become what the network gets. */
export interface PreprocessingGiven {
  /** A name, or a model's own configuration. */
  readonly preprocess?: string | undefined;
  readonly resize?: number | readonly [number, number] | undefined;
  readonly interpolation?: Interpolation | undefined;
  readonly antialias?: boolean | undefined;
  readonly crop?: number | readonly [number, number] | undefined;
  /** Of a configuration; no option says it. */
  readonly cropRounding?: CropRounding | undefined;
  readonly scale?: number | undefined;
  readonly mean?: readonly number[] | undefined;
  readonly std?: readonly number[] | undefined;
  readonly channels?: ChannelOrder | undefined;
}

/** What --preprocess takes to leave out a configuration beside the model. */
const NONE = "none";

/** Bytes that a configuration may have. */
const LONGEST = 2 ** 20;

/** --preprocess, with the parts that are given one by one in place of its own. @throws usage, not-found, invalid-file, unsupported */
export async function preprocessingGiven({ preprocess, ...given }: PreprocessingGiven): Promise<Preprocessing> {
  const { resize, interpolation, antialias, crop, cropRounding, scale, mean, std, channels } = given;
  // Antialias is on unless it is turned off.
  const named = {
    resize,
    interpolation,
    antialias: antialias === false ? false : undefined,
    crop,
    cropRounding,
    scale,
    mean,
    std,
    channels,
  };
  const parts = Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as Preprocessing;
  return { ...(preprocess === undefined ? {} : await preprocessingNamed(preprocess, parts)), ...parts };
}

async function preprocessingNamed(text: string, given: Preprocessing): Promise<Preprocessing> {
  const [{ preprocessings }, { preprocessingIn }] = await Promise.all([
    import("../../models/preprocessing/preprocessing.ts"),
    import("../../models/preprocessing/config.ts"),
  ]);
  if (text === NONE) return {};
  if (Object.hasOwn(preprocessings, text)) return preprocessings[text as keyof typeof preprocessings];
  const names = Object.keys(preprocessings);
  if (!existsSync(text))
    throw new PerturbError(
      "usage",
      `There is no preprocessing named "${text}", nor such a file. Known to --preprocess: ${names.join(", ")}, ${NONE}, and a preprocessor_config.json or a config.json of timm.${didYouMean(text, names)}`,
    );
  const model = join(dirname(text), MODEL);
  return preprocessingIn(await configuration(text), basename(text), {
    given,
    ...(basename(text) !== MODEL && existsSync(model) && { model: await configuration(model) }),
  });
}

async function configuration(path: string): Promise<string> {
  const { fileSource } = await import("../../datasets/files.node.ts");
  const file = await fileSource(path);
  if (file.size > LONGEST)
    throw new PerturbError("invalid-file", `${path} has ${file.size} bytes, too many for a configuration.`);
  return new TextDecoder().decode(await file.read(0, file.size));
}

/** The configuration of a model, which says how pictures are prepared where timm wrote it. */
const MODEL = "config.json";

/** What lies beside a model, and whether it is followed. */
export interface OwnConfiguration {
  /** Of the one that is followed. */
  readonly path?: string;
  readonly notes: readonly Note[];
}

/**
 * The configuration beside a model, which is followed where nothing is said of preprocessing.
 * @throws as for one that is named by --preprocess; how to leave it out is said too
 */
export async function ownConfiguration(model: string, given: PreprocessingGiven): Promise<OwnConfiguration> {
  const { preprocess, resize, crop, scale, mean, std, channels } = given;
  if (preprocess !== undefined || isAddress(model) || isBundled(model)) return { notes: [] };
  const hasParts = [resize, crop, scale, mean, std, channels].some((value) => value !== undefined);
  const notes: Note[] = [];
  for (const path of placesBeside(model)) {
    if (!existsSync(path)) continue;
    if (hasParts) {
      // One that cannot be read is left out as well.
      if (await isOfOthers(path).catch(() => true)) continue;
      const message = `${path}, beside the model, is not followed, because steps are given one by one. To follow it with these in place of its own: --preprocess ${path}`;
      return { notes: [{ code: "own-configuration", message }] };
    }
    try {
      if (await isOfOthers(path)) {
        const message = `${path}, beside the model, says nothing of how pictures are prepared, and is not followed.`;
        notes.push({ code: "own-configuration", message });
        continue;
      }
      await preprocessingGiven({ ...given, preprocess: path });
    } catch (error) {
      if (!(error instanceof PerturbError)) throw error;
      const message = `${error.message} The file lies beside the model. To follow it with steps in place of its own, name it: --preprocess ${path}. To leave it out: --preprocess ${NONE}`;
      throw new PerturbError(error.code, message, { cause: error, data: error.data });
    }
    const message = `${path}, beside the model, says how its pictures are prepared, and is followed. To leave it out: --preprocess ${NONE}`;
    return { path, notes: [{ code: "own-configuration", message }] };
  }
  return { notes };
}

/** In the model's folder, and in the one above "onnx", where exporters put the graphs of a model. */
function placesBeside(model: string): string[] {
  const folder = dirname(model);
  const folders = basename(resolve(folder)) === "onnx" ? [folder, join(folder, "..")] : [folder];
  return folders.flatMap((beside) => ["preprocessor_config.json", MODEL].map((name) => join(beside, name)));
}

/** Whether a file of that name is of something else. @throws invalid-file */
async function isOfOthers(path: string): Promise<boolean> {
  const { isOfPictures } = await import("../../models/preprocessing/config.ts");
  return !isOfPictures(await configuration(path), basename(path));
}

/** The options with the configuration beside a model, where it is followed, and what is to be said of it. @throws as `ownConfiguration` */
export async function withOwnConfiguration<T extends PreprocessingGiven>(
  model: string,
  given: T,
): Promise<{ readonly given: T; readonly notes: readonly Note[] }> {
  const { path, notes } = await ownConfiguration(model, given);
  return { given: path === undefined ? given : { ...given, preprocess: path }, notes };
}
