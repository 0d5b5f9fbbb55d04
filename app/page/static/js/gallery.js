// The gallery: runs that ended, newest first; one opens with its recipe, two can be compared.
import * as api from "./api.js";
import { openComparison } from "./compare.js";
import { openDetails } from "./details.js";
import { ended, LAST } from "./run.js";
import { imagesOf, titleOf } from "./run_summary.js";
import { say } from "./store.js";
import { classes, effect, html, signal } from "./view.js";

/** @type {import("../vendor/signals.mjs").Signal<any[] | null>} */
export const runs = signal(null);
/** @type {import("../vendor/signals.mjs").Signal<string[]>} Runs that are marked to be compared. */
export const marked = signal([]);

/** Look at the list of runs now and after each that ends. */
export const watchRuns = () => effect(() => { ended.value; look(); });

async function look() {
  try {
    const answer = await api.listRuns();
    runs.value = (answer.runs || answer).filter((/** @type {any} */ run) => LAST.includes(run.status));
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

/** @param {{limit?: number}} props */
export function Gallery({ limit = 1000 }) {
  // A replay is shown as a badge of the run that it repeated.
  const all = (runs.value || []).filter((run) => imagesOf(run).length && run.sort !== "replay");
  if (runs.value && !all.length) return html`<p class="muted">What is drawn is kept here, with its recipe.</p>`;
  return html`<div>
    <div class="gallery-bar">
      <p class="muted" role="status">${marked.value.length === 2 ? "Two are marked." : marked.value.length ? "Mark one more to compare." : "Mark two to compare them."}</p>
      <button type="button" class="small" id="compare" disabled=${marked.value.length !== 2}
        onClick=${() => openComparison(marked.value[0], marked.value[1])}>Compare</button>
    </div>
    <ul class="gallery">${all.slice(0, limit).map((run) => html`<${Card} key=${run.id} run=${run} />`)}</ul>
  </div>`;
}

/** @param {{run: any}} props */
function Card({ run }) {
  const told = titleOf(run);
  const verdict = (runs.value || []).find((each) => each.of === run.id && each.verdict)?.verdict;
  const isMarked = marked.value.includes(run.id);
  const mark = () => (marked.value = isMarked ? marked.value.filter((id) => id !== run.id) : [...marked.value.slice(-1), run.id]);
  return html`<li class=${classes("card", isMarked && "is-marked")} data-run=${run.id}>
    <button type="button" class="card-image" onClick=${() => openDetails(run.id)} aria-label=${`Details of ${told}`}>
      <img src=${imagesOf(run)[0].url} alt="" loading="lazy" /></button>
    <div class="card-row"><span class="card-title" title=${told}>${told}</span>
      <label class="mark"><input type="checkbox" checked=${isMarked} onChange=${mark} aria-label=${`Compare ${told}`} /></label></div>
    ${verdict && html`<span class=${classes("badge", verdict.same ? "good" : "bad")}>${verdict.same ? "same bytes" : "other bytes"}</span>`}
  </li>`;
}
