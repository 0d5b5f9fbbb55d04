// The stage: what the staged run draws, how far it is, and its steps afterwards.
import { openDetails } from "./details.js";
import { branchFrom, LAST, scrubbed, secondsLeft, stagedRun, stop } from "./run.js";
import { isSweeping, SweepGrid, sweepRuns } from "./sweep.js";
import { classes, html, useState } from "./view.js";

export function Stage() {
  const run = stagedRun();
  if (isSweeping.value && sweepRuns.value.length) return html`<${SweepGrid} />`;
  if (!run) {
    return html`<div class="canvas empty"><p>Nothing is drawn yet.</p>
      <p class="muted">Fill in the form and press Run. An image with a recipe can be dropped anywhere: its inputs fill the form.</p></div>`;
  }
  return html`<div class="stage-run" data-run=${run.id} data-state=${run.state}>
    <${Canvas} run=${run} /><${Progress} run=${run} />
    ${LAST.includes(run.state) && html`<${Steps} run=${run} />`}
  </div>`;
}

/** @param {{run: import("./run.js").Run}} props */
function Canvas({ run }) {
  const [chosen, choose] = useState(0);
  const images = run.outputs.filter((output) => output.url.endsWith(".png"));
  const previews = run.steps.filter((step) => step.image);
  const step = scrubbed.value === null ? null : previews.find((each) => each.index === scrubbed.value);
  const source = step?.image || images[Math.min(chosen, images.length - 1)]?.url || previews.at(-1)?.image;
  const told = step ? `Preview after step ${step.index + 1}` : images.length ? "Result" : "Preview";
  return html`<div class=${classes("canvas", !source && "empty")} aria-busy=${LAST.includes(run.state) ? "false" : "true"}>
    ${source ? html`<img class="drawn" src=${source} alt=${`${told} of the run`} />`
      : html`<p class="muted">${run.state === "failed" || run.state === "cancelled" ? "Nothing was drawn." : "Not drawn yet"}</p>`}
    ${images.length > 1 && html`<div class="outputs" role="group" aria-label="Images of this run">${images.map((image, i) =>
      html`<button type="button" class="thumb" aria-pressed=${i === chosen ? "true" : "false"} onClick=${() => choose(i)}>
        <img src=${image.url} alt=${`Image ${i + 1}`} /></button>`)}</div>`}
  </div>`;
}

/** @param {{run: import("./run.js").Run}} props */
function Progress({ run }) {
  const last = run.steps.at(-1);
  const isOver = LAST.includes(run.state);
  const part = run.state === "finished" ? 1 : last?.total ? (last.index + 1) / last.total : 0;
  return html`<div class=${classes("progress", `is-${run.state}`)}>
    <div class="bar" role="progressbar" aria-label="Progress" aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(part * 100)}>
      <span class="bar-fill" style=${{ transform: `scaleX(${part})` }}></span></div>
    <div class="progress-row">
      <p class="status" role="status">${statusOf(run)}</p>
      ${isOver ? run.state === "finished" && html`<button type="button" class="small" onClick=${() => openDetails(run.id)}>Details</button>`
        : html`<button type="button" class="small" id="cancel" onClick=${() => stop(run.id)}>Cancel</button>`}
    </div>
    ${run.warnings.map((text) => html`<p class="warning">${text}</p>`)}
  </div>`;
}

/** @param {import("./run.js").Run} run */
function statusOf(run) {
  const last = run.steps.at(-1);
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

/** @param {number | null} value */
export function seconds(value) {
  if (value === null || value === undefined) return "";
  if (value >= 90) return `${Math.round(value / 60)} min`;
  return value >= 10 ? `${Math.round(value)} s` : value >= 0.1 ? `${value.toFixed(1)} s` : `${Math.round(value * 1000)} ms`;
}

/** @param {{run: import("./run.js").Run}} props */
function Steps({ run }) {
  const previews = run.steps.filter((step) => step.image);
  if (!previews.length) return null;
  const at = scrubbed.value === null ? previews.length : previews.findIndex((step) => step.index === scrubbed.value);
  const step = previews[at];
  const slid = (/** @type {any} */ event) => (scrubbed.value = previews[Number(event.target.value)]?.index ?? null);
  const total = previews.at(-1)?.total ?? previews.length;
  return html`<div class="steps">
    <label for="scrubber">${step ? `After step ${step.index + 1} of ${total}` : "Result"}</label>
    <input id="scrubber" type="range" min="0" max=${previews.length} value=${at} onInput=${slid}
      aria-valuetext=${step ? `after step ${step.index + 1} of ${total}` : "result"} />
    <button type="button" class="small" id="branch" disabled=${!step || step.index + 1 >= total} onClick=${() => step && branchFrom(step.index + 1)}
      title="Runs on from here with what the form says now; the steps before are shared">Branch from this step</button>
  </div>`;
}
