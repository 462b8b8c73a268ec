import type { ClassFolders, Dataset } from "../../dataset.ts";
import type { Warning } from "../../evaluate.ts";
import { option } from "../../option.ts";
import { quote } from "../../quote.ts";

/** What is assumed of data before anything is measured, as warnings: how folders became the classes of a model, and what files left open. */
export function assumptionsOf(data: Dataset, classes: number): Warning[] {
  // What `perturb attack` wrote names the classes of its model.
  const isTold = data.adversarial && data.classFolders?.numbering === "names";
  const folders = data.classFolders && !isTold ? [...classWarnings(data.name, data.classFolders, classes)] : [];
  return [
    ...folders.map((message) => ({ code: "class-folders", message })),
    ...(data.assumptions ?? []).map((message) => ({ code: "data", message })),
  ];
}

function* classWarnings(name: string, { numbering, folders }: ClassFolders, classes: number): Generator<string> {
  const list = option("classFile");
  const found = `${folders.length} class ${folders.length === 1 ? "folder" : "folders"}`;
  if (numbering === "order" && folders.length < classes) {
    const last = folders.at(-1)!;
    yield `${name} has ${found}, and the model has ${classes} classes. They were taken as classes 0 to ${last.label} in text order (${quote(folders[0]!.name)} is class 0, ${quote(last.name)} is class ${last.label}). If they are other classes of the model, say which (${list}).`;
  }
  const hinted = numbering === "order" && folders.length >= classes ? otherwiseNumbered(folders) : undefined;
  if (hinted)
    yield `The names of the class folders of ${name} hold numbers, and not in text order, in which they were taken as classes: ${quote(hinted.name)} is class ${hinted.label}. That is right of a model trained on torchvision's ImageFolder. If the numbers are those of the classes, say which class each is (${list}).`;
  const numbers = folders.filter((folder) => WHOLE.test(folder.name));
  if (numbering === "order" && numbers.length > 0)
    yield `${numbers.length} of ${found} of ${name} ${numbers.length === 1 ? "is" : "are"} named by ${numbers.length === 1 ? "a number" : "numbers"}, and not all by numbers from 0 on, so all were taken as classes in text order: ${listed(folders.map((folder) => `${quote(folder.name)} is class ${folder.label}`))}. If the numbers are those of the classes, say which class each folder is (${list}).`;
  if (numbering === "names" && folders.length < classes)
    yield `${name} has ${found}, and the model has ${classes} classes. Their names were taken as the numbers of their classes: ${listed(folders.map(({ label }) => String(label)))}. If they are other classes of the model, say which (${list}).`;
  if (numbering === "names") {
    const moved = folders.find(({ label }, k) => folders.length === classes && label !== k);
    if (moved)
      yield `The class folders of ${name} are named by numbers, and each was taken as the class of its number: ${quote(moved.name)} is class ${moved.label}. In text order it would be class ${folders.indexOf(moved)}. If the model was trained on folders in text order, as torchvision's ImageFolder has them, say which class each is (${list}).`;
  }
  const empty = folders.filter(({ samples }) => samples === 0);
  if (empty.length > 0)
    yield `${empty.length} of ${found} of ${name} ${empty.length === 1 ? "holds" : "hold"} no image: ${listed(empty.map((folder) => quote(folder.name)))}. They count as classes without samples.`;
}

/** A name that is a number, as those of classes are. */
const WHOLE = /^[+-]?\d+(\.0*)?$/;

/** A folder whose name holds a number, such as "class_10", where such numbers sort the folders in another way than their text does. */
function otherwiseNumbered(folders: ClassFolders["folders"]): ClassFolders["folders"][number] | undefined {
  const numbers = folders.map((folder) => /^\D*(\d+)\D*$/.exec(folder.name)?.[1]);
  if (numbers.includes(undefined) || new Set(numbers.map(Number)).size < folders.length) return undefined;
  return folders.find((_, k) => k > 0 && Number(numbers[k]) < Number(numbers[k - 1]));
}

/** Some of many. */
const listed = (names: readonly string[]): string =>
  names.length <= 8 ? names.join(", ") : `${names.slice(0, 6).join(", ")}, … ${names.at(-1)}`;

/** What else a mismatch of the numbers of classes may come from. */
export function classesHint({ classFolders }: Dataset): string {
  if (!classFolders || classFolders.numbering === "list") return "";
  const way =
    classFolders.numbering === "names"
      ? `Its class folders are named by numbers, from ${Math.min(...classFolders.folders.map(({ label }) => label))} to ${Math.max(...classFolders.folders.map(({ label }) => label))}, and each is the class of its number.`
      : "Its class folders are numbered in text order, from 0.";
  return ` ${way} If they are other classes of the model, say which (${option("classFile")}).`;
}
