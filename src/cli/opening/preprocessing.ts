import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { didYouMean, PerturbError } from "../../errors.ts";
import type { ChannelOrder } from "../../models/classifier/preprocess.ts";
import type { Interpolation, Preprocessing } from "../../models/preprocessing/preprocessing.ts";
import type { Note } from "../../option.ts";

/** The options that say how pictures become what the network gets. */
export interface PreprocessingGiven {
  /** A name, or a model's own configuration. */
  readonly preprocess?: string | undefined;
  readonly resize?: number | readonly [number, number] | undefined;
  readonly interpolation?: Interpolation | undefined;
  readonly antialias?: boolean | undefined;
  readonly crop?: number | readonly [number, number] | undefined;
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
  const named = preprocess === undefined ? {} : await preprocessingNamed(preprocess);
  const { resize, interpolation, antialias, crop, scale, mean, std, channels } = given;
  // Antialias is on unless it is turned off.
  const parts = {
    resize,
    interpolation,
    antialias: antialias === false ? false : undefined,
    crop,
    scale,
    mean,
    std,
    channels,
  };
  return { ...named, ...Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined)) };
}

async function preprocessingNamed(text: string): Promise<Preprocessing> {
  const [{ preprocessings }, { fileSource }, { preprocessingIn }] = await Promise.all([
    import("../../models/preprocessing/preprocessing.ts"),
    import("../../datasets/files.node.ts"),
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
  const file = await fileSource(text);
  if (file.size > LONGEST)
    throw new PerturbError("invalid-file", `${text} has ${file.size} bytes, too many for a configuration.`);
  return preprocessingIn(new TextDecoder().decode(await file.read(0, file.size)), basename(text));
}

/** A configuration that lies beside its model, and is followed. */
export interface OwnConfiguration {
  readonly path: string;
  readonly note: Note;
}

/** The configuration beside a model, where nothing was said of preprocessing. */
export async function ownConfiguration(
  model: string,
  given: PreprocessingGiven,
): Promise<OwnConfiguration | undefined> {
  const { preprocess, resize, crop, scale, mean, std, channels } = given;
  if ([preprocess, resize, crop, scale, mean, std, channels].some((value) => value !== undefined)) return undefined;
  for (const name of ["preprocessor_config.json", "config.json"]) {
    const path = join(dirname(model), name);
    if (!existsSync(path)) continue;
    try {
      await preprocessingNamed(path);
    } catch (error) {
      // Other configurations have that name too.
      if (error instanceof PerturbError) continue;
      throw error;
    }
    const message = `${path}, beside the model, says how its pictures are prepared, and is followed. To leave it out: --preprocess ${NONE}`;
    return { path, note: { code: "own-configuration", message } };
  }
  return undefined;
}
