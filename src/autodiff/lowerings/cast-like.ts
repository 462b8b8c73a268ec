import type { Lowerings } from "../lowering.ts";

export const castLikeLowerings = {
  // Of the second input, only its type counts.
  CastLike: ({ x: [value, like], b }) => {
    const { type } = b.fact(like!);
    return type && [b.cast(value!, type)];
  },
} satisfies Lowerings;
