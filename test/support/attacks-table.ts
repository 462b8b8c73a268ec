import type { AnyAttack } from "../../src/attack.ts";
import { optionsOf } from "../../src/attack-options.ts";
import { families } from "../../src/attacks/index.ts";
import { optionText } from "../../src/cli/options/attack-options.ts";
import type { DifferentiableModel } from "../../src/model.ts";
import { NORM_SYMBOL } from "../../src/report/format.ts";

type Attack = AnyAttack<DifferentiableModel>;

/** docs/attacks.md, from the registry. */
export function attacksTable(): string {
  const sections = Object.entries(families).map(
    ([family, members]) =>
      `## ${family.charAt(0).toUpperCase()}${family.slice(1)}\n\n${Object.values<Attack>(members).map(section).join("\n\n")}`,
  );
  return `# Attacks

To set an option of an attack on the command line: \`--set pgd.steps=100\`. In code: \`pgd.with({ steps: 100 })\`. Where several values are
listed, the first is the default. Every attack is untargeted by default. To make it aim at a class, use \`--target\`.

**Lengths.** An option that is called a *length* below is written in one of two ways:

- A plain number is absolute, in the units of the input. With pixels in [0, 1], \`pgd.stepSize=2/255\` is two levels of 255. In code, write \`2 / 255\`.
- A number with \`eps\` is relative to ε: \`pgd.stepSize=0.25eps\` is a quarter of ε. In code, write \`"0.25eps"\`.

A length is measured in the norm of ε unless its description says otherwise. Attacks that look for the least change have no ε, so all
their options are plain numbers, and the description gives the unit.

In TypeScript, \`attacks\` from \`perturb/attacks\` holds each attack by the name below: \`attacks["apgd-ce"]\`. Each also has an export of its own, in
camel case: \`apgdCe\`.

Each attack is one file in \`src/attacks/\`. The header of that file names the paper, its equations, where the defaults come from, and every
difference from the original. This page is made from the registry by \`npm run docs:attacks\`.

${sections.join("\n\n")}
`;
}

function section(attack: Attack): string {
  const { name, title, norms, paper, members } = attack;
  const link = `[${paper.replace(/^https:\/\/(arxiv.org\/abs\/|doi.org\/)?/, "")}](${paper})`;
  const facts = `\`${name}\`: ${title}. Norms: ${norms.map((norm) => NORM_SYMBOL[norm]).join(", ")}. Paper: ${link}.`;
  const made = members
    ? ` Members: ${members(norms[0]!)
        .map((member) => `\`${member.attack.name}\``)
        .join(
          ", ",
        )}. Their options are its own: \`--set ${name}.apgd-ce.steps=50\`, or \`.with({ "apgd-ce.steps": 50 })\`.`
    : "";
  const options = (members ? [] : optionsOf(attack)).map(
    (option) => `| \`${optionText(option).replaceAll("|", "\\|")}\` | ${option.about} |`,
  );
  return `### ${name}\n\n${facts}${made}${options.length > 0 ? `\n\n| option | what it is |\n|---|---|\n${options.join("\n")}` : ""}`;
}
