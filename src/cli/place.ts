import type { WorkPlace } from "../evaluate/place.ts";
import type { Device } from "../runtime.ts";
import { complain } from "./output.ts";
import { clearBar } from "./progress.ts";

/** Where a command works, which it closes in the end. */
export interface CommandPlace extends WorkPlace {
  close(): Promise<void>;
}

/** The threads of this machine, which load while model and data are opened; or a queue. */
export async function placeFor({
  queue,
  device,
}: {
  readonly queue?: string | undefined;
  readonly device: Device;
}): Promise<CommandPlace> {
  if (queue !== undefined) {
    const place = (await import("../evaluate/queue/queue.node.ts")).queue(queue, { say });
    return { start: (job) => place.start(job), close: async () => undefined };
  }
  const { threads, workersFor } = await import("../evaluate/places/threads.node.ts");
  const place = threads({ size: workersFor(device) });
  place.boot();
  return place;
}

/** In place of the bar of progress, which is drawn anew. */
function say(text: string): void {
  clearBar();
  complain(text);
}
