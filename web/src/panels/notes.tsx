import { known } from "../state/loading.ts";
import { environment, model } from "../state/session.ts";

/** What the page runs on. */
export function Notes() {
  const place = known(environment.value);
  if (!place) return <footer />;
  const threads = place.isolated ? `${place.cores} threads` : "1 thread in each graph";
  return (
    <footer class="small">
      <p>
        perturb {place.version}, {known(model.value)?.runtime ?? "onnxruntime-web"}, {threads}.
        {place.isolated
          ? null
          : " This host does not isolate the page (the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy are missing), so a large model runs on one core. The counts are the same."}
      </p>
    </footer>
  );
}
