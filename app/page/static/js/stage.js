// The stage: what the staged run draws, how far it is, and its steps afterwards; or the grid of a sweep.
import { openDetails } from "./details.js";
import { seconds } from "./measures.js";
import { branchFrom, isOver, scrubbed, secondsLeft, stagedRun, stop, unstage } from "./run.js";
import { Players } from "./player.js";
import { imagesOf, playedOf } from "./run_summary.js";
import { fields, opened, type, typed } from "./store.js";
import { SweepGrid, sweepRuns } from "./sweep.js";
import { classes, html, useState } from "./view.js";

export function Stage() {
  const run = stagedRun();
  if (!run && sweepRuns.value.length) return html`<${SweepGrid} />`;
  if (!run) {
    return html`<div class="canvas empty"><p>Nothing is drawn yet.</p>
      <p class="muted">Fill in the form and press Run. An image with a recipe can be dropped anywhere: its inputs fill the form.</p></div>`;
  }
  return html`<div class="stage-run" data-run=${run.id} data-state=${run.state}>
    <${Canvas} key=${run.id} run=${run} /><${Progress} run=${run} />
    ${isOver(run) && html`<${Steps} run=${run} />`}
  </div>`;
}

/** @param {import("./run.js").Run} run */
const previewsOf = (run) => run.steps.filter((step) => step.image);

/** @param {{run: import("./run.js").Run}} props */
function Canvas({ run }) {
  const [chosen, choose] = useState(0);
  const images = imagesOf(run);
  const previews = previewsOf(run);
  const step = scrubbed.value === null ? null : previews[scrubbed.value];
  const source = step?.image || images[Math.min(chosen, images.length - 1)]?.url || (playedOf(run).length ? null : previews.at(-1)?.image);
  const told = step ? `Preview after step ${step.index + 1}` : images.length ? "Result" : "Preview";
  const isPlayed = !source && playedOf(run).length > 0;
  return html`<div class=${classes("canvas", !source && !isPlayed && "empty")} aria-busy=${isOver(run) ? "false" : "true"}>
    ${source ? html`<img class="drawn" src=${source} alt=${`${told} of the run`} />`
      : isPlayed ? html`<${Players} run=${run} />` : html`<p class="muted">${nothingOf(run)}</p>`}
    ${images.length > 1 && html`<div class="outputs" role="group" aria-label="Images of this run">${images.map((image, i) =>
      html`<button type="button" class="thumb" aria-pressed=${i === chosen ? "true" : "false"} onClick=${() => choose(i)}>
        <img src=${image.url} alt=${`Image ${i + 1}`} /></button>`)}</div>`}
  </div>`;
}

/** Say why there is no image of a run.
 * @param {import("./run.js").Run} run */
function nothingOf(run) {
  if (run.state === "finished") return `This run gave no image, but ${run.outputs.map((each) => each.name).join(", ") || "nothing"}.`;
  return isOver(run) ? "Nothing was drawn." : "Not drawn yet";
}

/** @param {{run: import("./run.js").Run}} props */
function Progress({ run }) {
  const last = run.steps.at(-1);
  const part = run.state === "finished" ? 1 : last?.total ? (last.index + 1) / last.total : 0;
  return html`<div class=${classes("progress", `is-${run.state}`)}>
    <div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
      <span class="bar-fill" style=${{ transform: `scaleX(${part})` }}></span></div>
    <div class="progress-row">
      <p class="status" role="status">${statusOf(run)}</p>
      <div class="row">${sweepRuns.value.length > 0 && html`<button type="button" class="small quiet" id="to-grid" onClick=${unstage}>To the grid</button>`}
      ${!isOver(run) ? html`<button type="button" class="small" id="cancel" onClick=${() => stop(run.id)}>Cancel</button>`
        : run.state === "finished" && html`${mayKeepSeed(run) && html`<button type="button" class="small quiet" id="keep-seed" onClick=${() => type("seed", run.seed)}>Keep the seed</button>`}
          <button type="button" class="small" onClick=${() => openDetails(run.id)}>Details</button>`}</div>
    </div>
    ${run.warnings.map((text) => html`<p class="warning">${text}</p>`)}
  </div>`;
}

/** Whether the form takes the seed of a run, and has another one or none.
 * @param {import("./run.js").Run} run */
const mayKeepSeed = (run) => typeof run.seed === "number" && fields.value.some((field) => field.name === "seed") && String(typed.value.seed ?? "") !== String(run.seed);

/** @param {import("./run.js").Run} run */
function statusOf(run) {
  const last = run.steps.at(-1);
  if (run.isLost) return "The server does not answer; it is asked again.";
  switch (run.state) {
    case "queued": return run.position ? `Waiting: ${run.position} before it` : "Waiting";
    case "finished": return `Done in ${seconds(run.seconds)}${run.seed === null || run.seed === undefined ? "" : `, seed ${run.seed}`}`;
    case "failed": return run.message;
    case "cancelled": return "Cancelled";
    default: {
      const left = secondsLeft(run);
      if (!last) return run.running ? `Running ${run.running}` : "Running";
      return `Step ${last.index + 1}${last.total ? ` of ${last.total}` : ""}${left === null ? "" : `, ${seconds(left)} left`}`;
    }
  }
}

/** @param {{run: import("./run.js").Run}} props */
function Steps({ run }) {
  const previews = previewsOf(run);
  if (!previews.length) return null;
  const at = scrubbed.value ?? previews.length;
  const step = previews[at];
  const slid = (/** @type {any} */ event) => (scrubbed.value = Number(event.target.value) < previews.length ? Number(event.target.value) : null);
  const total = step?.total ?? previews.length;
  const told = step ? `After step ${step.index + 1} of ${total}` : "Result";
  const noBranch = run.isBranch ? "A branch is made of a run, and this is a branch itself" : run.workflow !== opened.value?.id ? `Open ${run.workflow}, which this is a run of` : "";
  return html`<div class="steps">
    <label for="scrubber">${told}</label>
    <input id="scrubber" type="range" min="0" max=${previews.length} value=${at} onInput=${slid} aria-valuetext=${told} />
    <button type="button" class="small" id="branch" disabled=${!step || step.index + 1 >= total || Boolean(noBranch)} onClick=${() => branchFrom(step)}
      title=${noBranch || "Runs on from here with what the form says now; the steps before are shared"}>Branch from this step</button>
  </div>`;
}
