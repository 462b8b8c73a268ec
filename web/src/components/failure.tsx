import type { Failure } from "../engine.ts";
import type { Loading } from "../state/loading.ts";
import "./failure.css";

/** What went wrong, in the library's words. Read out when it appears. */
export function FailureNote({ failure }: { readonly failure: Failure }) {
  return (
    <div class="failure" role="alert">
      <p>{failure.message}</p>
    </div>
  );
}

/** The failure of something that was to load; nothing otherwise. */
export const FailureOf = ({ loading }: { readonly loading: Loading<unknown> }) =>
  loading.kind === "failed" ? <FailureNote failure={loading.failure} /> : null;
