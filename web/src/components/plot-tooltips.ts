import "./plot-tooltips.css";

/** Pixels around a point in which it is meant. */
const REACH = 28;

/**
 * Shows the text of a plot's points, their `aria-label`, where the pointer is near one; by keyboard the host takes the focus,
 * and the arrow keys go from point to point. Nothing is done for a plot without such points. Gives what undoes it.
 */
export function attachTooltips(svg: SVGSVGElement, host: HTMLElement): () => void {
  const marks = [...svg.querySelectorAll<SVGElement>(".role-mark [aria-label]")];
  if (marks.length === 0) return () => {};
  const tip = document.createElement("p");
  tip.className = "plot-tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  host.append(tip);
  host.classList.add("with-tooltips");
  const hadIndex = host.getAttribute("tabindex");
  host.tabIndex = 0;
  host.setAttribute("aria-description", "The left and right arrow keys go through the points.");

  let shown: number | undefined;
  let last = 0;
  const show = (index: number | undefined): void => {
    if (index === shown) return;
    if (shown !== undefined) marks[shown]!.classList.remove("chosen");
    shown = index;
    tip.hidden = index === undefined;
    if (index === undefined) return;
    last = index;
    marks[index]!.classList.add("chosen");
    tip.textContent = marks[index]!.getAttribute("aria-label");
    place(tip, marks[index]!, host);
  };
  const under = new AbortController();
  const { signal } = under;
  const point = ({ clientX, clientY }: PointerEvent): void => show(nearest(marks, clientX, clientY));
  svg.addEventListener("pointermove", point, { signal });
  svg.addEventListener("pointerdown", point, { signal });
  svg.addEventListener("pointerleave", () => show(undefined), { signal });
  host.addEventListener("focus", () => host.matches(":focus-visible") && show(last), { signal });
  host.addEventListener("blur", () => show(undefined), { signal });
  host.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape") show(undefined);
      const to = stepTo(event, last, shown === undefined, marks.length);
      if (to === undefined || event.target !== host) return;
      event.preventDefault();
      marks[to]!.scrollIntoView({ block: "nearest", inline: "nearest" });
      show(to);
    },
    { signal },
  );
  return () => {
    under.abort();
    show(undefined);
    tip.remove();
    host.classList.remove("with-tooltips");
    host.removeAttribute("aria-description");
    if (hadIndex === null) host.removeAttribute("tabindex");
    else host.setAttribute("tabindex", hadIndex);
  };
}

/** The point that a key goes to; undefined for a key that means none. */
function stepTo(
  { key, altKey, ctrlKey, metaKey }: KeyboardEvent,
  from: number,
  hidden: boolean,
  count: number,
): number | undefined {
  if (altKey || ctrlKey || metaKey) return undefined;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : undefined;
  // The first key shows the point where one was.
  return step === undefined ? undefined : Math.min(count - 1, Math.max(0, from + (hidden ? 0 : step)));
}

function nearest(marks: readonly SVGElement[], x: number, y: number): number | undefined {
  let best: number | undefined;
  let reach = REACH;
  for (const [i, mark] of marks.entries()) {
    const [cx, cy] = centre(mark);
    const distance = Math.hypot(cx - x, cy - y);
    if (distance < reach) [best, reach] = [i, distance];
  }
  return best;
}

function centre(mark: SVGElement): [number, number] {
  const { left, top, width, height } = mark.getBoundingClientRect();
  return [left + width / 2, top + height / 2];
}

/** Above the point, or below one near the upper edge; never beyond the sides of what is seen of the host. */
function place(tip: HTMLElement, mark: SVGElement, host: HTMLElement): void {
  const [x, y] = centre(mark);
  const { left, top } = host.getBoundingClientRect();
  const [from, to] = [host.scrollLeft, host.scrollLeft + host.clientWidth - tip.offsetWidth];
  const across = x - left - host.clientLeft + host.scrollLeft - tip.offsetWidth / 2;
  const above = y - top - host.clientTop + host.scrollTop - tip.offsetHeight - 10;
  tip.style.left = `${Math.max(from, Math.min(to, across))}px`;
  tip.style.top = `${above < 0 ? above + tip.offsetHeight + 20 : above}px`;
}
