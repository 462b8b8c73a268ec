import { lenet } from "./lenet.ts";

/** Built-in networks by name. */
export const architectures = { lenet } as const;
export type ArchitectureName = keyof typeof architectures;
