// docs/exporters.md from the results of compare.mjs.

const digits = (value) => (value < 1e-9 ? "0" : value.toExponential(0));

/** "18–23" or "18, 20" */
const opsetsOf = (cases) => {
  const all = cases.map((c) => c.opset).sort((a, b) => a - b);
  const [low, high] = [all[0], all.at(-1)];
  return all.length > 2 && high - low === all.length - 1 ? `${low}–${high}` : all.join(", ");
};
const worst = (cases, key) => Math.max(...cases.map((c) => c.result[key]));

/** "opset: difference", "opset: error" or nothing. */
function cell(cases, wrong) {
  const failed = cases.filter((c) => wrong(c));
  const refused = cases.filter((c) => !wrong(c) && c.refusal);
  const fine = cases.filter((c) => !wrong(c) && !c.refusal);
  return [
    ...(fine.length ? [`${opsetsOf(fine)}: ${digits(Math.max(worst(fine, "logits"), worst(fine, "gradient")))}`] : []),
    ...(refused.length ? [`${opsetsOf(refused)}: no gradient`] : []),
    ...(failed.length ? [`${opsetsOf(failed)}: error below`] : []),
  ].join("; ");
}

/** The items of each key, in the order of their first. */
function byKey(list, key) {
  const groups = new Map();
  for (const item of list) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function section(group, cases, wrong) {
  const exporters = [...new Set(cases.map((c) => c.exporter))].sort((a, b) => a.localeCompare(b));
  const rows = [...byKey(cases, (c) => c.model)].map(
    ([model, own]) =>
      `| ${model} | ${exporters
        .map((exporter) =>
          cell(
            own.filter((c) => c.exporter === exporter),
            wrong,
          ),
        )
        .join(" | ")} |`,
  );
  return [
    `## ${group}`,
    "",
    `| model | ${exporters.join(" | ")} |`,
    `|---|${"---|".repeat(exporters.length)}`,
    ...rows,
    "",
  ];
}

/** Seen by moving the images by 1e-6: both graphs of resnest14d then agree again. */
const KINKS =
  "The logits agree, and the gradients differ. In these images an activation lies so near a kink that rounding chooses the slope, and both slopes are valid. PyTorch's own float32 gradients differ from its float64 ones there, or differ once the image is moved by 1e-6.";

const errorOf = ({ result, noise }) =>
  result.error ??
  `logits differ by ${digits(result.logits)}, gradients by ${digits(result.gradient)} (torch's float32 from its float64: ${digits(noise ?? 0)})`;

/** The page. `wrong` tells whether the result of a case is none, or beyond the tolerance. */
export function table(all, wrong) {
  const cases = all.filter((c) => c.result);
  const failed = cases.filter((c) => wrong(c));
  const worked = new Set(cases.map((c) => `${c.model} ${c.exporter}`));
  const refused = all.filter((c) => c.error !== undefined && !worked.has(`${c.model} ${c.exporter}`));
  const newest = [...byKey(refused, (c) => `${c.group} ${c.model} ${c.exporter}`).values()].map((own) => own.at(-1));
  const without = cases.filter((c) => c.refusal && !wrong(c));
  const reasons = byKey(failed, errorOf);
  const name = (c) => `${c.model} (${c.exporter} ${c.opset})`;
  return [
    "# Exporters",
    "",
    "These classifiers were exported with the exporters that users have. A cell gives the opset and, behind it, the largest difference between",
    "perturb's logits and gradients and the framework's own, relative to the largest logit and gradient. A difference up to 1e-3 passes.",
    `${cases.length} files, ${cases.length - failed.length} pass. This page is made by \`tools/torch-reference\`, whose README.md says how to make it again.`,
    "",
    ...[...byKey(cases, (c) => c.group)].flatMap(([group, own]) => section(group, own, wrong)),
    ...(failed.length ? ["## Beyond the tolerance", "", KINKS, ""] : []),
    ...[...reasons].map(([reason, own]) => `- ${own.map(name).join(", ")}: ${reason.replaceAll("\n", " ")}`),
    ...(failed.length ? [""] : []),
    ...(without.length ? ["## No gradient", "", "For these models perturb gives this error:", ""] : []),
    ...without.map((c) => `- ${name(c)}: ${c.result.error}`),
    ...(without.length ? [""] : []),
    ...(refused.length ? ["## Models that the exporters refuse", ""] : []),
    ...newest.map((c) => `- ${name(c)}: ${c.error.slice(0, 200)}`),
    ...(refused.length ? [""] : []),
  ].join("\n");
}
