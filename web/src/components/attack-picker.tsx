import type { AttackInfo } from "../engine.ts";
import { Field } from "./field.tsx";

/** All attacks in their families. Those that cannot be used say why not. */
export function AttackPicker({ infos, value, obstacle, onValue }: AttackPickerProps) {
  const chosen = infos.find(({ name }) => name === value);
  return (
    <Field label="Attack" hint={chosen && <About info={chosen} />}>
      {(attributes) => (
        <select
          {...attributes}
          value={value}
          onChange={({ currentTarget }) => {
            const info = infos.find(({ name }) => name === currentTarget.value);
            if (info) onValue(info);
          }}
        >
          {[...new Set(infos.map(({ family }) => family))].map((family) => (
            <optgroup key={family} label={family}>
              {infos
                .filter((info) => info.family === family)
                .map((info) => {
                  const reason = obstacle(info);
                  return (
                    <option key={info.name} value={info.name} disabled={reason !== null && info.name !== value}>
                      {`${info.name}: ${reason ?? info.title}`}
                    </option>
                  );
                })}
            </optgroup>
          ))}
        </select>
      )}
    </Field>
  );
}

interface AttackPickerProps {
  readonly infos: readonly AttackInfo[];
  readonly value: string;
  /** Why an attack cannot be used; null where it can. */
  readonly obstacle: (info: AttackInfo) => string | null;
  readonly onValue: (info: AttackInfo) => void;
}

function About({ info }: { readonly info: AttackInfo }) {
  return (
    <>
      {capital(info.title)}: {kindOf(info)}.{" "}
      <a href={info.paper} target="_blank" rel="noreferrer">
        Paper<span class="hidden"> on {info.title}, opens in a new tab</span>
      </a>
    </>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function kindOf({ family, aim, needs }: AttackInfo): string {
  if (family === "baselines") return "a baseline that makes no queries";
  const search = aim === "least-change" ? "searches for the smallest change that fools the model" : "searches within ε";
  return needs === "logits" ? `${search}, without gradients` : search;
}
