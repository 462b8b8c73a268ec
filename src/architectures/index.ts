import { lenet } from "./lenet.ts";
import { small } from "./small.ts";

/** Built-in networks by name. */
export const architectures = { lenet, small } as const;
export type ArchitectureName = keyof typeof architectures;
