import type { Norm, NormName } from "./norm/contract.ts";
import { l0 } from "./norm/l0.ts";
import { l1 } from "./norm/l1.ts";
import { l2 } from "./norm/l2.ts";
import { linf } from "./norm/linf.ts";
import { spatial } from "./norm/spatial.ts";

export type { Box, Norm, NormName } from "./norm/contract.ts";
export { l0, l1, l2, linf };

/** Every norm by its name. */
export const norms = { linf, l2, l1, l0, spatial } as const satisfies Record<NormName, Norm>;
