import { type FileHandle, open, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ByteSource, Open } from "../dataset.ts";
import { messageOf, PerturbError } from "../errors.ts";

/**
 * A file, read by range. It is opened for each read, so there is nothing to close; a file that changes in between is an error.
 * @throws not-found; usage for a folder or device; invalid-file when it cannot be read or has changed
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const { size, mtimeMs, isFile } = await statOf(path);
  if (!isFile)
    throw new PerturbError("usage", `${path} is not a regular file. Pass the path of a file.`, { data: { path } });
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const handle = await orNotFound(path, open(path));
    try {
      const now = await handle.stat();
      if (now.size !== size || now.mtimeMs !== mtimeMs)
        throw new PerturbError("invalid-file", `${path} changed while it was being read. Start again.`, {
          data: { path },
        });
      return await readFully(handle, start, Math.min(end, size));
    } catch (cause) {
      if (cause instanceof PerturbError) throw cause;
      throw new PerturbError("invalid-file", `${path} could not be read at byte ${start}: ${messageOf(cause)}.`, {
        cause,
        data: { path, offset: start },
      });
    } finally {
      await handle.close();
    }
  };
  return { name: basename(path), size, read };
}

/** The files of one folder, by plain name. @throws unsafe-file for a name that leads elsewhere */
export function folderOpen(folder: string): Open {
  return async (name) => {
    if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name))
      throw new PerturbError("unsafe-file", `"${name}" is not a plain file name inside ${folder}.`, {
        data: { name, folder },
      });
    return fileSource(join(folder, name));
  };
}

/** Size and kind of what lies at a path. @throws not-found */
export async function statOf(path: string) {
  const stats = await orNotFound(path, stat(path));
  return { size: stats.size, mtimeMs: stats.mtimeMs, isFile: stats.isFile(), isFolder: stats.isDirectory() };
}

/** Reads are cut by the system at 2 GiB. */
async function readFully(handle: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.max(0, end - start));
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

async function orNotFound<T>(path: string, pending: Promise<T>): Promise<T> {
  try {
    return await pending;
  } catch (cause) {
    throw new PerturbError("not-found", `${path} cannot be opened: ${messageOf(cause)}. Check the path.`, {
      cause,
      data: { path },
    });
  }
}
