import { useEffect, useState } from "preact/hooks";

/** Milliseconds of rest before a result is read out: while a slider moves, results come many times a second. */
const REST = 600;

/** Reads a result out to those who do not see it change. */
export function Announcement({ text }: { readonly text: string }) {
  const [spoken, setSpoken] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSpoken(text), REST);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <p class="hidden" aria-live="polite">
      {spoken}
    </p>
  );
}
