import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import { MAX_CLASSES } from "../classes.ts";
import type { ClassFolders } from "../dataset.ts";
import { didYouMean, PerturbError } from "../errors.ts";
import { option } from "../option.ts";
import { quote } from "../quote.ts";
import type { ClassList } from "./class-list.ts";

/** What counts as an image by its name; formats among them that cannot be decoded are an error, not left out. */
const EXTENSIONS = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".ppm", ".pgm"]);

/** The images of a folder, by class. */
export interface ListedClasses {
  /** In order: folders by code unit, files inside them by code unit. */
  readonly samples: readonly { readonly path: string; readonly label: number }[];
  /** Of each class, those without a folder too. */
  readonly classNames: readonly string[];
  readonly classFolders: ClassFolders;
}

/**
 * The images in the sub-folders of `root`, a real path. The class of a sub-folder is its place in `list`, where there is one; the number
 * that is its name, where all names are whole numbers; else its place in text order, as torchvision's ImageFolder has it. A
 * class may have no images. Hidden entries and files without an image's extension are left out.
 * @throws not-found for no sub-folders, or no image in any; unsafe-file for a link that leaves the folder; mismatch for a
 *   folder that the list does not name, and for two folders of one class; invalid-file for a number that can be no class
 */
export async function listClasses(root: string, list?: ClassList): Promise<ListedClasses> {
  const names = (await entriesOf(root, root)).folders;
  if (names.length === 0)
    throw new PerturbError("not-found", `${root} has no sub-folders; an image folder has one for each class.`, {
      data: { folder: root },
    });
  const { numbering, labels } = numbered(root, names, list);
  const images = await Promise.all(names.map((name) => imagesIn(join(root, name), root)));
  const samples = images.flatMap((paths, k) => paths.map((path) => ({ path, label: labels[k]! })));
  if (samples.length === 0)
    throw new PerturbError("not-found", `No sub-folder of ${root} has an image (${[...EXTENSIONS].join(", ")}).`, {
      data: { folder: root },
    });
  const count = list?.names.length ?? Math.max(...labels) + 1;
  const classNames = Array.from({ length: count }, (_, c) => list?.names[c] ?? String(c));
  if (!list) for (const [k, name] of names.entries()) classNames[labels[k]!] = name;
  const folders = names.map((name, k) => ({ name, label: labels[k]!, samples: images[k]!.length }));
  return { samples, classNames, classFolders: { numbering, folders } };
}

/** The class of each folder. @throws mismatch, invalid-file */
function numbered(
  root: string,
  names: readonly string[],
  list: ClassList | undefined,
): { readonly numbering: ClassFolders["numbering"]; readonly labels: readonly number[] } {
  if (list)
    return {
      numbering: "list",
      labels: distinct(
        root,
        names,
        names.map((name) => inList(root, name, list)),
      ),
    };
  if (!names.every((name) => /^\d+$/.test(name))) return { numbering: "order", labels: names.map((_, k) => k) };
  const labels = names.map(Number);
  const large = names.find((_, k) => labels[k]! >= MAX_CLASSES);
  if (large !== undefined)
    throw new PerturbError(
      "invalid-file",
      `The class folders of ${root} are named by numbers, and ${large} is larger than that of any class (${MAX_CLASSES - 1}). Say which class each folder is (${option("classFile")}).`,
      { data: { folder: root, name: large } },
    );
  return { numbering: "names", labels: distinct(root, names, labels) };
}

function inList(root: string, name: string, { labels, file, names }: ClassList): number {
  const label = labels.get(name);
  if (label !== undefined) return label;
  const ownNumber = /^\d+$/.test(name) && Number(name) < names.length;
  const without = ownNumber ? " Where all folders are named by numbers, these are their classes without a list." : "";
  throw new PerturbError(
    "mismatch",
    `${file} names no class ${quote(name)}, and ${root} has a folder of that name.${didYouMean(name, labels.keys())} Add it to the list, or take the folder away.${without}`,
    { data: { folder: root, name, file } },
  );
}

function distinct(root: string, names: readonly string[], labels: readonly number[]): readonly number[] {
  const twice = labels.findIndex((label, k) => labels.indexOf(label) < k);
  if (twice < 0) return labels;
  const first = names[labels.indexOf(labels[twice]!)]!;
  throw new PerturbError(
    "mismatch",
    `The folders ${quote(first)} and ${quote(names[twice]!)} of ${root} are both class ${labels[twice]}. Put their images into one of them.`,
    { data: { folder: root, names: [first, names[twice]], label: labels[twice] } },
  );
}

/** The images below a class's folder, nested ones too: folders by path, then files by name. */
async function imagesIn(folder: string, root: string): Promise<string[]> {
  const found: { readonly folder: string; readonly files: readonly string[] }[] = [];
  const pending = [folder];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { folders, files } = await entriesOf(next, root);
    found.push({ folder: next, files: files.filter(isImage) });
    for (const name of folders) pending.push(join(next, name));
  }
  found.sort((a, b) => (a.folder < b.folder ? -1 : 1));
  return found.flatMap((entry) => entry.files.map((file) => join(entry.folder, file)));
}

const isImage = (name: string): boolean => EXTENSIONS.has(extname(name).toLowerCase());

/** Names of what is visible in a folder, by code unit. Links count when they lead to a file inside `root`. */
async function entriesOf(folder: string, root: string): Promise<{ folders: string[]; files: string[] }> {
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) => !entry.name.startsWith("."));
  const names = (kept: readonly Dirent[]) => kept.map((entry) => entry.name).sort();
  for (const entry of entries) if (entry.isSymbolicLink()) await checkLink(join(folder, entry.name), root);
  return {
    folders: names(entries.filter((entry) => entry.isDirectory())),
    files: names(entries.filter((entry) => entry.isFile() || entry.isSymbolicLink())),
  };
}

/** @throws unsafe-file for a link to anything but a file inside `root` */
async function checkLink(path: string, root: string): Promise<void> {
  const target = await realpath(path).catch(() => undefined);
  const found = target === undefined ? undefined : await stat(target);
  const inside = target === root || target?.startsWith(root + sep) === true;
  if (inside && found?.isFile()) return;
  const leads = !found ? "nothing" : found.isDirectory() ? "a folder" : found.isFile() ? "a file" : "no file";
  throw new PerturbError(
    "unsafe-file",
    `${path} is a link to ${leads}${found && !inside ? ` outside of ${root}` : ""}. Links are followed to files inside the data's folder only. ${found ? "Replace it by a copy (cp -rL copies a folder with what its links lead to)." : "Remove it."}`,
    { data: { path, target } },
  );
}
