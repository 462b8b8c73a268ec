import { readFileSync } from "node:fs";
import { gradientSupport } from "../../src/autodiff/coverage.ts";
import { linearOperators } from "../../src/autodiff/linear.ts";
import { loweringOf, lowerings } from "../../src/autodiff/lowerings.ts";
import { boundLowerings } from "../../src/autodiff/relaxations/lowered.ts";
import { relaxations } from "../../src/autodiff/relaxations.ts";
import { rules } from "../../src/autodiff/rules.ts";
import type { Finding, Outcome } from "./conformance.ts";
import { DEFAULT_OPSETS, type Sample } from "./gradient-check.ts";
import { microsoftSamples, ofMl, samples } from "./samples/index.ts";

/** What tools/onnx-schemas/operators.py says of an operator of the standard domain. */
interface Schema {
  readonly versions: readonly number[];
  readonly withdrawn?: number;
  /** Whether floats can go in and come out. */
  readonly floats: boolean;
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const samplesOf: Readonly<Record<string, Readonly<Record<string, readonly Sample[]>>>> = {
  "": samples,
  "com.microsoft": microsoftSamples,
  "ai.onnx.ml": ofMl,
};

/** Opsets before this one are not run by ONNX Runtime, after the other not by its version 1.30. */
const OPSETS = [7, 26] as const;

/** What the library answers when it is asked for the gradient of an operator. */
function answer(op: string, domain: string, floats: boolean): string {
  const support = gradientSupport(op, domain);
  if (support === "zero") return "zero";
  // Some are written in others in special cases only.
  if (domain === "" && Object.hasOwn(rules, op)) return "rule";
  if (loweringOf(op, domain)) return "lowering";
  return floats ? "not yet" : "not differentiable";
}

/** Where the bounds of an operator come from. */
function bound(op: string): string {
  if (Object.hasOwn(linearOperators, op)) return "linear";
  if (Object.hasOwn(relaxations, op)) return "lines";
  return Object.hasOwn(boundLowerings, op) ? "others" : "";
}

interface Count {
  readonly passed: number;
  readonly total: number;
}

/** Of the conformance models with an operator whose gradient is in question, how many passed. */
function conformanceOf(findings: readonly Finding[], name: string): Count {
  const found = findings.filter(({ operators, outcome }) => operators.includes(name) && COUNTED.has(outcome));
  return { passed: found.filter(({ outcome }) => outcome === "passed").length, total: found.length };
}
const COUNTED: ReadonlySet<Outcome> = new Set<Outcome>(["passed", "refused", "failed"]);

function row(op: string, domain: string, schema: Schema | undefined, findings: readonly Finding[], kinks: string) {
  const list = samplesOf[domain]?.[op] ?? [];
  const opsets = [...new Set(list.flatMap((sample) => sample.opsets ?? DEFAULT_OPSETS))].sort((a, b) => a - b);
  const { passed, total } = conformanceOf(findings, domain ? `${domain}.${op}` : op);
  const versions = schema ? [...schema.versions, ...(schema.withdrawn ? [`until ${schema.withdrawn - 1}`] : [])] : [];
  const cells = [
    `\`${op}\``,
    ...(schema ? [versions.join(", ")] : []),
    answer(op, domain, schema?.floats ?? true),
    list.length > 0 ? `${list.length} at opsets ${opsets.join(", ")}` : "",
    total > 0 ? `${passed}/${total}` : "",
    ...(domain === "" ? [kinks.includes(`"${op}"`) ? "yes" : "", bound(op)] : []),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** docs/operators.md */
export function operatorsTable(): string {
  const schemas: Readonly<Record<string, Schema>> = JSON.parse(read("tools/onnx-schemas/operators.json"));
  const conformance: Readonly<Record<string, Finding>> = JSON.parse(read("test/fixtures/conformance.json"));
  const findings = Object.values(conformance);
  const kinks = read("src/autodiff/kinks.test.ts");
  const count = (outcome: Outcome) => findings.filter((finding) => finding.outcome === outcome).length;
  // Operators of ONNX Runtime that stand in the standard domain of its models.
  const own = [...Object.keys(rules), ...Object.keys(lowerings[""]!)].filter((op) => !Object.hasOwn(schemas, op));
  const standard = Object.entries(schemas).map(([op, schema]) => row(op, "", schema, findings, kinks));
  const extra = own.map((op) => row(op, "", { versions: [], floats: true }, findings, kinks));
  const answers = Object.entries(schemas).map(([op, { floats }]) => answer(op, "", floats));
  const answered = (...kinds: string[]) => answers.filter((kind) => kinds.includes(kind)).length;
  const others = Object.entries(lowerings).filter(([domain]) => domain !== "");
  return `# Operators and their gradients

To see which operators of your own model have a gradient: \`perturb inspect MODEL\`. This page lists all operators that perturb knows.

perturb differentiates models of opset ${OPSETS[0]} to ${OPSETS[1]}, the newest that ONNX Runtime 1.30 loads. It also takes older models that can be read as opset 7.
The standard domain has ${answers.length} operators. ${answered("rule", "lowering")} have a gradient, and ${answered("zero")} have one that is zero wherever it exists. ${answered("not differentiable")} have no real
numbers as input, or none as output. ${answered("not yet")} are missing: perturb refuses a model that needs one of these, and names the node.

**${count("passed")} of ${count("passed") + count("refused") + count("failed")} conformance models of the ONNX standard pass**, of those that have a gradient. A model passes if its gradients with respect to its float
inputs equal the slopes of ONNX Runtime's own values. ${count("failed")} fail, and ${count("refused")} are refused: ${reasons(findings)}.
${count("no gradient")} more have no gradient, because they have no floats, only steps, or random values. ${count("not run")} do not run in ONNX Runtime.
\`test/fixtures/conformance.json\` holds each model with its reason. They come from Debian's package libonnx-testdata (ONNX 1.12).

- **Answer.** *rule*: perturb has a rule for the gradient. *lowering*: the operator is first replaced by others. *zero*: its output changes in steps or
  depends on shapes only, and no gradient flows through it, as in PyTorch. *not differentiable*: it has no real numbers as input, or none as output. *not yet*:
  perturb throws an error.
- **Differences.** The number of samples whose gradient is compared with five-point differences for each float input, and their opsets.
- **Conformance.** Of the conformance models that have a gradient and contain this operator, the number that pass.
- **Kinks.** Whether the gradient at kinks and ties, where there is no unique one, is compared with PyTorch's.
- **Bounds.** Where the bounds come from that proofs need ([certification.md](certification.md)): *linear*, *lines*, or those of *others*. Empty: a
  model in which its output changes with the input is refused.

This page is made by \`npm run docs:operators\`; a test fails when it is out of date.

## The standard domain, ai.onnx

| operator | changed in opsets | answer | differences | conformance | kinks | bounds |
|---|---|---|---|---|---|---|
${[...standard, ...extra].join("\n")}
${others.map(([domain, list]) => section(domain, Object.keys(list).sort(), findings)).join("")}`;
}

const section = (domain: string, operators: readonly string[], findings: readonly Finding[]): string => `
## ${domain}

| operator | answer | differences | conformance |
|---|---|---|---|
${operators.map((op) => row(op, domain, undefined, findings, "")).join("\n")}
`;

/** Why models are refused, the commonest reason first. */
function reasons(findings: readonly Finding[]): string {
  const counts = new Map<string, number>();
  for (const { outcome, because = "", operators } of findings) {
    if (outcome !== "refused") continue;
    const named = operators.find((op) => because.includes(`${op} (`) || because.includes(`${op} "`));
    const reason = /is an? (sequence|optional)/.test(because)
      ? "sequences or optionals as inputs or outputs"
      : (named ?? "strings");
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([p, a], [q, b]) => b - a || p.localeCompare(q));
  return sorted.map(([reason, n]) => `${n} for ${reason}`).join(", ");
}
