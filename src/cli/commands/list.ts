import { Argument, Command } from "@commander-js/extra-typings";
import type { Place } from "../../datasets/known.ts";
import { facts, fold } from "../layout.ts";
import { columns, folded, helpText, print, printJson, prose, room } from "../output.ts";

/** What can be listed: each gives plain rows, all with the same keys. */
const lists = {
  async attacks() {
    const [{ families }, { optionText }, { optionsOf }] = await Promise.all([
      import("../../attacks/index.ts"),
      import("../options/attack-options.ts"),
      import("../../attack-options.ts"),
    ]);
    return Object.entries(families).flatMap(([family, members]) =>
      Object.values(members).map((attack) => {
        const { name, title, norms, aim, needs, paper } = attack;
        const known = optionsOf(attack);
        const ensemble = "members" in attack;
        const about = Object.fromEntries(known.map((option) => [option.name, option.about]));
        return { name, title, family, norms, aim, needs, options: known.map(optionText), about, paper, ensemble };
      }),
    );
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
    prose(`Lists what is known by name: attacks by family, with their norms, paper and options (--set); data sets with their source
and how to get them; bundled models, and networks for weights without a graph; operators with a gradient ("rule": a rule,
"lowering": by writing it in others, "zero": the derivative is zero wherever it exists, so nothing flows through).`),
  )
  .addHelpText("after", () =>
    helpText(`
Data sets that are installed with the system lie in /usr/share/datasets. PERTURB_DATASETS names another folder.`),
  )
  .addArgument(new Argument("<what>", "What to list.").choices(Object.keys(lists) as (keyof typeof lists)[]))
  .option("--json", "Print JSON.")
  .action(async (what, { json }) => {
    const rows: readonly Readonly<Record<string, unknown>>[] = await lists[what]();
    if (json) return printJson(rows);
    if (what === "attacks") return print(...attackLines(await lists.attacks()));
    const titles = Object.keys(rows[0]!);
    print(...columns([titles, ...rows.map((row) => titles.map((title) => cell(row[title])))]));
  });

/** Attacks family by family, each with its options below it. */
function attackLines(rows: Awaited<ReturnType<typeof lists.attacks>>): string[] {
  const families = [...new Set(rows.map(({ family }) => family))];
  return [
    ...families.flatMap((family) => [
      family,
      ...rows
        .filter((row) => row.family === family)
        .flatMap(({ name, title, norms, paper, options, about, ensemble }) => [
          ...indented(`${name}: ${title}`, 2),
          ...indented(`${norms.join(", ")}; ${paper}`, 4),
          ...(ensemble
            ? indented(`options of its members, such as --set ${name}.${options.at(-1)}`, 4)
            : facts(
                Object.values(about).map((words, i) => [options[i]!, words] as const),
                room(),
                4,
              )),
        ]),
      "",
    ]),
    ...folded("A length is absolute, in units of the input, such as 2/255, or relative to ε, such as 0.25eps."),
  ];
}

const indented = (text: string, by: number): string[] =>
  fold(text, room() - by).map((line) => `${" ".repeat(by)}${line}`);

/** What installs the splits of a data set: "apt-get …", or "test: comes with perturb; train: npm …" where they differ. */
function installation(places: Readonly<Record<string, Place>>): string {
  const commands = Object.entries(places).map(([split, { install = "comes with perturb" }]) => ({ split, install }));
  return new Set(commands.map(({ install }) => install)).size === 1
    ? commands[0]!.install
    : commands.map(({ split, install }) => `${split}: ${install}`).join("; ");
}

const cell = (value: unknown): string => (Array.isArray(value) ? value.join(" ") : String(value));
