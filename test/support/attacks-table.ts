import type { AnyAttack } from "../../src/attack.ts";
import { attacks } from "../../src/attacks/index.ts";
import { optionTexts } from "../../src/cli/options/attack-options.ts";
import type { DifferentiableModel } from "../../src/model.ts";
import { NORM_SYMBOL } from "../../src/report/format.ts";

type Attack = AnyAttack<DifferentiableModel>;

const GROUPS: readonly { readonly title: string; readonly holds: (attack: Attack) => boolean }[] = [
  { title: "Ensembles", holds: ({ members }) => members !== undefined },
  {
    title: "With gradients, inside ε",
    holds: ({ needs, aim, also, members }) => needs === "gradient" && aim === "within-epsilon" && !also && !members,
  },
  {
    title: "With gradients, the least change",
    holds: ({ needs, aim }) => needs === "gradient" && aim === "least-change",
  },
  {
    title: "Without gradients",
    holds: ({ needs, also, baseline }) => needs === "logits" && !also && !baseline,
  },
  { title: "By another model, or for all samples at once", holds: ({ also }) => also !== undefined },
  { title: "Base lines", holds: ({ baseline }) => baseline === true },
];

/** docs/attacks.md, from the registry. */
export function attacksTable(): string {
  const all = Object.values(attacks) as readonly Attack[];
  const grouped = GROUPS.map(({ title, holds }) => ({ title, rows: all.filter(holds) }));
  const lost = all.filter((attack) => !grouped.some(({ rows }) => rows.includes(attack)));
  if (lost.length > 0) throw new Error(`In no group: ${lost.map(({ name }) => name).join(", ")}`);
  return `# Attacks

Made from the registry: \`npm run docs:attacks\`. Each is one file in \`src/attacks/\`, whose header names the paper, its equations, where the
defaults come from, and every difference from the original. All are untargeted, or towards a class with \`--target\`. Options are set with
\`--set ATTACK.OPTION=VALUE\`; of several values that are listed, the first is the default.

${grouped.map(({ title, rows }) => `## ${title}\n\n| attack | norms | options and defaults | paper |\n|---|---|---|---|\n${rows.map(row).join("\n")}`).join("\n\n")}
`;
}

function row(attack: Attack): string {
  const { name, title, norms, paper, members } = attack;
  const options = members
    ? `of ${members(norms[0]!)
        .map(({ attack }) => `\`${attack.name}\``)
        .join(", ")}`
    : optionTexts(attack)
        .map((text) => `\`${text.replaceAll("|", "\\|")}\``)
        .join(" ") || "none";
  return `| \`${name}\`: ${title} | ${norms.map((norm) => NORM_SYMBOL[norm]).join(", ")} | ${options} | [${paper.replace(/^https:\/\/(arxiv.org\/abs\/|doi.org\/)?/, "")}](${paper}) |`;
}
