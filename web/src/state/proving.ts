import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import { type Failure, failureOf, type Proof, type ProofRequest } from "../engine.ts";
import { engine, outcome, request } from "./session.ts";

/** What a proof and the smallest ε of an attack are about. */
export type Question = ProofRequest;

export const isSame = (a: Question, b: Question): boolean =>
  a.x === b.x && a.model === b.model && a.label === b.label && a.norm === b.norm;

export const questionOf = ({ model, x, label, norm }: Question): Question => ({ model, x, label, norm });

let last: Question | undefined;
/** What is asked about now: the same object for as long as that is the same. */
export const question = computed((): Question | undefined => {
  const now = request.value && questionOf(request.value);
  if (!now || !last || !isSame(now, last)) last = now;
  return last;
});

interface Proving {
  readonly question: Question;
  readonly proof: Proof | null;
  readonly failure: Failure | null;
}

const proving = signal<Proving | null>(null);

/** What is proven of what is asked about now, and of nothing else. */
export const proven = computed(() => {
  const made = proving.value;
  return made !== null && made.question === question.value ? made : null;
});

/** Milliseconds of rest before a proof begins: a digit that is drawn changes all the time. */
const REST = 250;

/** Begins: each input is proven once it rests, after the page has shown what the attack makes of the first one. */
export function beginProving(): void {
  let rest: ReturnType<typeof setTimeout> | undefined;
  const hasShown = computed(() => outcome.value.kind === "ready" || outcome.value.kind === "failed");
  let ready = false;
  effect(() => {
    const asked = question.value;
    ready ||= hasShown.value;
    if (!ready || asked === proving.peek()?.question) return;
    clearTimeout(rest);
    if (proving.peek() !== null) void engine.stopProving();
    proving.value = asked ? { question: asked, proof: null, failure: null } : null;
    if (asked) rest = setTimeout(() => void prove(asked), REST);
  });
}

async function prove(asked: Question): Promise<void> {
  const hear = (patch: Partial<Proving>): void => {
    const now = proving.peek();
    if (now?.question === asked) proving.value = { ...now, ...patch };
  };
  try {
    hear({
      proof: await engine.prove(
        asked,
        proxy((proof: Proof) => hear({ proof })),
      ),
    });
  } catch (error) {
    const failure = failureOf(error);
    if (failure.code !== "cancelled") hear({ failure });
  }
}
