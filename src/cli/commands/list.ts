import { Argument, Command } from "@commander-js/extra-typings";
import type { Place } from "../../datasets/known.ts";
import { columns, print, printJson, prose } from "../output.ts";

/** What can be listed: each gives plain rows, all with the same keys. */
const lists = {
  async attacks() {
    const [{ attacks }, { optionTexts }] = await Promise.all([
      import("../../attacks/index.ts"),
      import("../options/attack-options.ts"),
    ]);
    return Object.values(attacks).map((attack) => {
      const { name, title, norms, aim, needs, paper } = attack;
      return { name, title, norms, aim, needs, options: optionTexts(attack), paper };
    });
  },
  async datasets() {
    const { datasets } = await import("../../datasets/index.ts");
    return Object.values(datasets).map(({ name, classNames, splits, licence, source, places }) => ({
      name,
      classes: classNames.length,
      splits: Object.keys(splits),
      licence,
      source,
      install: installation(places),
    }));
  },
  async models() {
    const [{ bundledModels }, { architectures }] = await Promise.all([
      import("../../models/bundled.ts"),
      import("../../architectures/index.ts"),
    ]);
    return [
      ...Object.entries(bundledModels).map(([name, { description }]) => ({
        name,
        use: `--model ${name}`,
        description,
      })),
      ...Object.values(architectures).map(({ name, description }) => ({
        name,
        use: `--model WEIGHTS --arch ${name}`,
        description,
      })),
    ];
  },
  async operators() {
    const [{ rules, zeroGradient }, { lowerings }] = await Promise.all([
      import("../../autodiff/rules.ts"),
      import("../../autodiff/lowerings.ts"),
    ]);
    const lowered = Object.entries(lowerings).flatMap(([domain, list]) =>
      Object.keys(list)
        .filter((operator) => domain !== "" || !Object.hasOwn(rules, operator))
        .map((operator) => ({ operator: domain ? `${domain}.${operator}` : operator, gradient: "lowering" })),
    );
    const rows = [
      ...Object.keys(rules).map((operator) => ({ operator, gradient: "rule" })),
      ...lowered,
      ...[...zeroGradient].map((operator) => ({ operator, gradient: "zero" })),
    ];
    return rows.sort((a, b) => a.operator.localeCompare(b.operator));
  },
} as const satisfies Record<string, () => Promise<readonly Readonly<Record<string, unknown>>[]>>;

export const listCommand = new Command("list")
  .description(
    prose(`Lists what is known by name: attacks with their norms, aim, options (--set) and paper; data sets with their source
and how to get them; bundled models, and networks for weights without a graph; operators with a gradient ("rule": a rule,
"lowering": by writing it in others, "zero": the derivative is zero wherever it exists, so nothing flows through).`),
  )
  .addHelpText(
    "after",
    `
Data sets that are installed with the system lie in /usr/share/datasets. PERTURB_DATASETS names another folder.`,
  )
  .addArgument(new Argument("<what>", "what to list").choices(Object.keys(lists) as (keyof typeof lists)[]))
  .option("--json", "print JSON")
  .action(async (what, { json }) => {
    const rows: readonly Readonly<Record<string, unknown>>[] = await lists[what]();
    if (json) return printJson(rows);
    const titles = Object.keys(rows[0]!);
    print(...columns([titles, ...rows.map((row) => titles.map((title) => cell(row[title])))]));
  });

/** What installs the splits of a data set: "apt-get …", or "test: comes with perturb; train: npm …" where they differ. */
function installation(places: Readonly<Record<string, Place>>): string {
  const commands = Object.entries(places).map(([split, { install = "comes with perturb" }]) => ({ split, install }));
  return new Set(commands.map(({ install }) => install)).size === 1
    ? commands[0]!.install
    : commands.map(({ split, install }) => `${split}: ${install}`).join("; ");
}

const cell = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : String(value));
