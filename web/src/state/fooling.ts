import { computed, effect, signal } from "@preact/signals";
import { proxy } from "comlink";
import type { AttackRequest, Searched } from "../engine.ts";
import { fooledAt } from "../withstanding.ts";
import { budgetOf } from "./budget.ts";
import { known } from "./loading.ts";
import { isSame, type Question, question, questionOf } from "./proving.ts";
import { type Attacked, engine, model, outcome } from "./session.ts";

/** The smallest ε at which attacks that were tried here fooled an input. */
interface Fooling extends Searched {
  readonly question: Question;
  /** The attack that did; null where none has. */
  readonly by: string | null;
  /** The attack that `held` is about, with its options. */
  readonly attack: string;
  /** Whether a smaller ε is no longer looked for with this attack. */
  readonly isSearched: boolean;
}

const fooling = signal<Fooling | null>(null);

/** What is known of what is asked about now, and of nothing else. */
export const fooled = computed(() => {
  const [found, asked] = [fooling.value, question.value];
  return found && asked && isSame(found.question, asked) ? found : null;
});

/** An attack with its options, at any ε and on any input. */
const attackKey = (asked: AttackRequest): string => JSON.stringify({ ...asked, x: null, epsilon: null });

/** Milliseconds of rest before other ε are tried. */
const REST = 300;

/** Begins: what attacks find counts, and the one that is chosen is tried at other ε while nothing else is asked. */
export function beginFooling(): void {
  let rest: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const found = outcome.value;
    clearTimeout(rest);
    if (found.kind !== "ready" || !found.value.attacked || found.value.request.norm === "spatial") return;
    take(found.value);
    rest = setTimeout(() => void search(found.value.request), REST);
  });
}

/** An attack that failed tells where the next search begins; one that did not, where it ends. */
function take({ request: asked, success, ...found }: Attacked): void {
  const before = fooling.peek();
  const isKnown = before !== null && isSame(before.question, asked);
  const attack = attackKey(asked);
  const isGoing = isKnown && before.attack === attack;
  const now: Fooling = {
    question: isKnown ? before.question : questionOf(asked),
    fooled: isKnown ? before.fooled : Number.POSITIVE_INFINITY,
    by: isKnown ? before.by : null,
    held: isGoing ? before.held : 0,
    attack,
    isSearched: isGoing && before.isSearched,
  };
  const span = success ? { fooled: fooledAt(found, asked.norm, asked.epsilon) } : { held: asked.epsilon };
  fooling.value = widened(now, { ...now, ...span }, asked.attack);
}

/** What is known with what was found; what was tried in vain counts below the smallest ε that fools. */
function widened(now: Fooling, found: Searched, by: string): Fooling {
  const isNearer = found.fooled < now.fooled;
  const least = isNearer ? found.fooled : now.fooled;
  const held = Math.max(...[now.held, found.held, 0].filter((epsilon) => epsilon < least));
  return { ...now, fooled: least, by: isNearer ? by : now.by, held };
}

async function search(asked: AttackRequest): Promise<void> {
  const open = known(model.peek());
  const now = fooling.peek();
  if (!open || !now || now.isSearched || now.attack !== attackKey(asked) || !isSame(now.question, asked)) return;
  const { max, step } = budgetOf(asked.norm, open.inputShape, open.bounds);
  const hear = (found: Searched, isSearched = false): void => {
    const last = fooling.peek();
    if (last?.attack !== now.attack || !isSame(last.question, asked)) return;
    fooling.value = { ...widened(last, found, asked.attack), isSearched };
  };
  try {
    const span = { held: now.held, fooled: now.fooled };
    hear(
      await engine.search(
        { attack: asked, span, to: max, step },
        proxy((found: Searched) => hear(found)),
      ),
      true,
    );
  } catch {
    // The attack itself says what is wrong with it, and newer work may stop this.
  }
}
