// The gallery: runs, newest first; one opens with its recipe, two can be compared, and those that go on lead to the stage.
import * as api from "./api.js";
import { openComparison } from "./compare.js";
import { openDetails, stageRun } from "./details.js";
import { hasStill, Still } from "./player.js";
import { changed, notePosition, runOf, staged } from "./run.js";
import { titleOf } from "./run_summary.js";
import { say, view } from "./store.js";
import { sweepRuns } from "./sweep.js";
import { classes, effect, html, signal } from "./view.js";

const PAUSE = 2000; // milliseconds, after which it looks again while runs wait, or go on of which this page hears nothing
/** @type {import("../vendor/signals.mjs").Signal<any[] | null>} */
const runs = signal(null);
/** @type {import("../vendor/signals.mjs").Signal<string[]>} Runs that are marked to be compared. */
const marked = signal([]);
/** @type {ReturnType<typeof setTimeout> | undefined} */
let again;
let newest = 0;

/** Look at the list of runs now and after each that begins or ends. */
export const watchRuns = () => effect(() => { changed.value; look(); });

async function look() {
  const mine = ++newest;
  clearTimeout(again);
  try {
    const found = await api.listRuns();
    if (mine !== newest) return; // a later list is on its way
    runs.value = found;
    for (const run of found) notePosition(run.id, run.position);
    if (found.some((/** @type {any} */ run) => run.status === "queued" || (isGoing(run) && !runOf(run.id)))) again = setTimeout(look, PAUSE);
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

/** @param {any} run */
const isGoing = (run) => !api.LAST.includes(run.status);

/** @param {{limit?: number}} props */
export function Gallery({ limit = 1000 }) {
  // A replay is shown as a badge of the run that it repeated, and what goes on in the grid or on the stage is seen there.
  const elsewhere = new Set(view.value === "create" ? [...sweepRuns.value.map((cell) => cell.id), staged.value] : []);
  const all = (runs.value || []).filter((run) => run.sort !== "replay" && (isGoing(run) ? !elsewhere.has(run.id) : hasStill(run)));
  if (!runs.value) return html`<p class="muted" role="status">Reading the runs…</p>`;
  if (!all.length) return html`<p class="muted">What is drawn is kept here, with its recipe.</p>`;
  return html`<div>
    <div class="gallery-bar">
      <p class="muted" role="status">${["Mark two to compare them.", "Mark one more to compare.", "Two are marked."][marked.value.length]}</p>
      <button type="button" class="small" id="compare" disabled=${marked.value.length !== 2}
        onClick=${() => openComparison(marked.value[0], marked.value[1])}>Compare</button>
    </div>
    <ul class="gallery">${all.slice(0, limit).map((run) => (isGoing(run) ? html`<${Going} key=${run.id} run=${run} />` : html`<${Card} key=${run.id} run=${run} />`))}</ul>
  </div>`;
}

/** A run that waits or goes on, which a click puts on the stage.
 * @param {{run: any}} props */
function Going({ run }) {
  const told = titleOf(run);
  const followed = runOf(run.id);
  const image = followed?.steps.findLast((step) => step.image)?.image;
  const show = () => {
    stageRun(run);
    view.value = "create";
  };
  const state = (followed?.state || run.status) === "queued" ? "waiting" : "running";
  return html`<li class="card is-going" data-run=${run.id}>
    <button type="button" class="card-image" onClick=${show} aria-label=${`Show ${told}, ${state}`}>${image && html`<img src=${image} alt="" />`}</button>
    <div class="card-row"><span class="card-title" title=${told}>${told}</span></div><span class="badge">${state}</span>
  </li>`;
}

/** @param {{run: any}} props */
function Card({ run }) {
  const told = titleOf(run);
  const verdict = (runs.value || []).find((each) => each.of === run.id && each.verdict)?.verdict;
  const isMarked = marked.value.includes(run.id);
  const mark = () => (marked.value = isMarked ? marked.value.filter((id) => id !== run.id) : [...marked.value.slice(-1), run.id]);
  return html`<li class=${classes("card", isMarked && "is-marked")} data-run=${run.id}>
    <button type="button" class="card-image" onClick=${() => openDetails(run.id)} aria-label=${`Details of ${told}`}>
      <${Still} run=${run} /></button>
    <div class="card-row"><span class="card-title" title=${told}>${told}</span>
      <label class="mark"><input type="checkbox" checked=${isMarked} onChange=${mark} aria-label=${`Compare ${told}`} /></label></div>
    ${verdict && html`<span class=${classes("badge", verdict.same ? "good" : "bad")}>${verdict.same ? "same bytes" : "other bytes"}</span>`}
  </li>`;
}
