import type { Sample, SampleInput } from "../gradient-check.ts";

const einsum = (
  equation: string,
  dims: readonly (readonly number[])[],
  declared?: readonly SampleInput["declared"][],
): Sample => ({
  name: `${equation}${declared ? ", open sizes" : ""}${dims.some((d) => d.includes(1)) ? ", sizes of 1" : ""}`,
  opsets: [12, 17, 23],
  inputs: Object.fromEntries(
    dims.map((d, i) => [`x${i}`, { dims: d, ...(declared?.[i] && { declared: declared[i] }) }]),
  ),
  build: (b, v) => b.add("Einsum", Object.values(v), { equation }),
});

export const einsumSamples = {
  Einsum: [
    // One input.
    einsum("ij->ji", [[2, 3]]),
    einsum("ij->ij", [[2, 3]]),
    einsum("ij", [[2, 3]]),
    einsum("ba", [[2, 3]]),
    einsum("ij->i", [[2, 3]], [["N", 3]]),
    einsum("ij->", [[2, 3]], [["N", 3]]),
    einsum("ijk->ki", [[2, 3, 4]]),
    einsum("ii->i", [[3, 3]]),
    einsum("ii", [[3, 3]]),
    einsum("iji->ji", [[3, 2, 3]]),
    einsum("iii->i", [[2, 2, 2]]),
    einsum("bii->b", [[2, 3, 3]], [["N", 3, 3]]),
    einsum("...ij->...ji", [[2, 2, 3]], [["N", 2, 3]]),
    einsum("i...->...i", [[2, 2, 3]]),
    einsum("...ii->...i", [[2, 3, 3]]),
    // Two inputs.
    einsum("i,i->", [[3], [3]]),
    einsum("i,j->ij", [[2], [3]]),
    einsum("i,j", [[2], [3]]),
    einsum(
      "ij , jk -> ik",
      [
        [2, 3],
        [3, 4],
      ],
      [
        ["N", 3],
        [3, 4],
      ],
    ),
    einsum("ij,jk", [
      [2, 3],
      [3, 4],
    ]),
    einsum("ij,kj->ik", [
      [2, 3],
      [4, 3],
    ]),
    einsum("ij,ij->i", [
      [2, 3],
      [2, 3],
    ]),
    einsum("ij,k->i", [[2, 3], [4]]),
    einsum(
      "bhid,bhjd->bhij",
      [
        [2, 2, 3, 2],
        [2, 2, 3, 2],
      ],
      [
        ["N", 2, 3, 2],
        ["N", 2, 3, 2],
      ],
    ),
    einsum(
      "bhij,bhjd->bihd",
      [
        [2, 2, 3, 3],
        [2, 2, 3, 2],
      ],
      [
        ["N", 2, 3, 3],
        ["N", 2, 3, 2],
      ],
    ),
    einsum(
      "nchw,cd->ndhw",
      [
        [2, 2, 2, 3],
        [2, 3],
      ],
      [
        ["N", 2, "H", "W"],
        [2, 3],
      ],
    ),
    einsum(
      "...ij,...jk->...ik",
      [
        [2, 2, 3],
        [2, 3, 2],
      ],
      [
        ["N", 2, 3],
        ["N", 3, 2],
      ],
    ),
    einsum("...ij,...jk", [
      [2, 2, 3],
      [2, 3, 2],
    ]),
    einsum(
      "...ij,jk->...ik",
      [
        [2, 2, 3],
        [3, 2],
      ],
      [
        ["N", 2, 3],
        [3, 2],
      ],
    ),
    einsum("i...j,i...->...j", [
      [2, 4, 3],
      [2, 4],
    ]),
    einsum("ii,ij->j", [
      [3, 3],
      [3, 2],
    ]),
    einsum(",ij->ij", [[], [2, 3]]),
    // Broadcast.
    einsum("ij,jk->ik", [
      [2, 1],
      [3, 4],
    ]),
    einsum("ij,ij->ij", [
      [2, 1],
      [2, 3],
    ]),
    einsum("...ij,...jk->...ik", [
      [1, 2, 3],
      [2, 3, 2],
    ]),
    // More inputs.
    einsum("i,j,ij->", [[2], [3], [2, 3]]),
    einsum("i,j,k->ijk", [[2], [3], [2]]),
    einsum(
      "bi,ij,bj->b",
      [
        [2, 3],
        [3, 2],
        [2, 2],
      ],
      [
        ["N", 3],
        [3, 2],
        ["N", 2],
      ],
    ),
    einsum("ai,bi,ci,di->abcd", [
      [2, 2],
      [2, 2],
      [1, 2],
      [2, 2],
    ]),
    {
      name: "a value twice",
      opsets: [12, 17],
      inputs: { x: { dims: [2, 3], declared: ["N", 3] } },
      build: (b, { x }) => b.add("Einsum", [x!, x!], { equation: "bi,bj->bij" }),
    },
  ],
} satisfies Readonly<Record<string, readonly Sample[]>>;
