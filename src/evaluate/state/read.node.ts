import type { FileHandle } from "node:fs/promises";
import { batchEnd } from "../../dataset.ts";
import { messageOf } from "../../errors.ts";
import type { Picture } from "../../evaluate.ts";
import { product } from "../../tensor.ts";
import { EXAMPLES, type Tally } from "../results/tally.ts";
import { nextLook } from "../until.ts";
import { lineSchema, prettify } from "./decode.ts";
import { exampleLists } from "./encode.ts";
import type { Extent } from "./extent.ts";
import { unfit } from "./heading.node.ts";
import { type Line, readLines } from "./lines.node.ts";
import { pictureOf, textLength } from "./pixels.node.ts";
import { contradiction } from "./sums.ts";

/** A batch that is kept, and where its last line ends. */
export interface KeptTally extends Pick<Line, "crc" | "end"> {
  readonly tally: Tally;
  /** Seconds of work up to it. */
  readonly seconds: number;
}

/** Bytes of a line, its pixels apart. */
const LONGEST = 2 ** 26;

/**
 * The batches behind the heading, up to the first line that is torn or damaged. @throws invalid-file for a line that is whole
 * and yet no part of this run
 */
export async function* readTallies(
  file: FileHandle,
  from: Pick<Line, "crc" | "end">,
  extent: Extent,
  path: string,
): AsyncGenerator<KeptTally> {
  const most = (extent.points + 1) * EXAMPLES;
  let pictures: Picture[] = [];
  let done = extent.first;
  const seen = new Set<number>();
  let dimensions: number | undefined;
  let schema: ReturnType<typeof lineSchema> | undefined;
  let schemaSamples = 0;
  const longest = LONGEST + 2 * textLength(product(extent.shape));
  for await (const { text, ...place } of readLines(file, from, longest)) {
    const end = Math.min(extent.total, done + extent.batch, nextLook(done, extent.until));
    const samples = end > done ? batchEnd(done, end, extent.shapeAt) - done : 0;
    if (samples === 0) throw unfit(path, `it holds more than the ${extent.total - extent.first} samples of its run`);
    // Batches are of one size but for the last, before a look, and where shapes change.
    if (samples !== schemaSamples) [schema, schemaSamples] = [lineSchema(extent, samples), samples];
    const parsed = schema!.safeParse(parse(text, path));
    if (!parsed.success) throw unfit(path, `after ${done} samples, ${prettify(parsed.error)}`, parsed.error);
    if ("original" in parsed.data) {
      const picture = pictureOf(parsed.data, extent.shapeAt?.(done) ?? extent.shape);
      if (!picture || pictures.length === most) throw unfit(path, `after ${done} samples, a picture does not fit`);
      pictures.push(picture);
      continue;
    }
    const { tally, seconds } = parsed.data;
    const bare = exampleLists(tally as Tally);
    if (bare.flat().length !== pictures.length)
      throw unfit(
        path,
        `after ${done} samples, there are ${pictures.length} pictures for ${bare.flat().length} examples`,
      );
    const wrong = contradiction(tally as Tally, seen, extent);
    if (wrong !== null) throw unfit(path, `after ${done} samples, ${wrong}`);
    dimensions ??= tally.linearity?.dimensions.length;
    if (tally.linearity && tally.linearity.dimensions.length !== dimensions)
      throw unfit(path, `after ${done} samples, the linear view has another size than before`);
    for (const example of bare.flat()) Object.assign(example, pictures.shift());
    pictures = [];
    done += tally.total;
    // By now each example has its pixels.
    yield { tally: tally as Tally, seconds, ...place };
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw unfit(path, messageOf(cause), cause);
  }
}
