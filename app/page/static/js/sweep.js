// Sweeps: fields ticked as axes, and the grid that fills while the runs go on.
import * as api from "./api.js";
import { openDetails } from "./details.js";
import { axisValues, randomSeed } from "./fields.js";
import { changed, follow, isAsking, isOver, lookAtStage, refuse, refused, runOf, unstage } from "./run.js";
import { hasStill, Still } from "./player.js";
import { fields, given, opened, say } from "./store.js";
import { classes, computed, html, signal } from "./view.js";

export const isSweeping = signal(false);
/** What was typed for each axis. @type {import("../vendor/signals.mjs").Signal<Record<string, string>>} */
export const axes = signal({});
/** The cells of the last sweep. @type {import("../vendor/signals.mjs").Signal<{id: string, at: Record<string, any>}[]>} */
export const sweepRuns = signal([]);
/** @type {import("../vendor/signals.mjs").Signal<[string, any[]][]>} */
const drawnAxes = signal([]);

/** @param {import("./fields.js").Field} field @param {string | undefined} text */
export function setAxis(field, text) {
  const { [field.name]: _, ...others } = axes.value;
  axes.value = text === undefined ? others : { ...others, [field.name]: text };
}

/** Return how the values of an axis are typed.
 * @param {import("./fields.js").Field} field */
export function exampleOf(field) {
  if (field.kind === "text" || field.kind === "line") return "one | another";
  return field.kind === "choice" ? (field.choices || []).filter((each) => each !== null).slice(0, 2).join(", ") : "1, 3, 5 or 1..4";
}

/** Axes with their values; a text of what is wrong where they do not fit. */
const parsed = computed(() => {
  /** @type {[string, any[]][]} */
  const found = [];
  try {
    for (const [name, text] of Object.entries(axes.value)) {
      const field = fields.value.find((each) => each.name === name);
      if (!field) continue; // of another workflow
      const values = axisValues(field, text);
      if (!values.length) throw new TypeError(`Say which values ${field.label} takes, such as ${exampleOf(field)}.`);
      found.push([name, values]);
    }
  } catch (error) {
    return { axes: found, fault: /** @type {Error} */ (error).message };
  }
  return { axes: found, fault: found.length ? "" : "Tick the fields that shall vary." };
});

export const sweepSize = computed(() => parsed.value.axes.reduce((product, [, values]) => product * values.length, 1));

/** Start the runs of a sweep. */
export async function startSweep() {
  if (parsed.value.fault) return say(parsed.value.fault, true);
  const chosen = Object.fromEntries(parsed.value.axes);
  // What is typed in a field that varies does not count.
  if (given.value.faults.some((fault) => !(fault.input in chosen))) return refuse();
  if (isAsking.value) return;
  const { seed = randomSeed(), ...inputs } = given.value.inputs;
  for (const name of Object.keys(chosen)) delete inputs[name];
  isAsking.value = true;
  try {
    const answer = await api.sweep({
      workflow: opened.value.id, axes: chosen, inputs, scheduler: given.value.scheduler, ...(!("seed" in chosen) && { seed }), preview: { every: 2, size: 128 },
    });
    drawnAxes.value = Object.entries(chosen);
    sweepRuns.value = cellsOf(answer.runs);
    unstage();
    lookAtStage();
    for (const cell of sweepRuns.value) follow(cell.id, { seed: cell.at.seed ?? seed, workflow: opened.value.id });
    changed.value += 1;
    say("");
  } catch (error) {
    refused(/** @type {Error} */ (error), given.value.inputs);
  } finally {
    isAsking.value = false;
  }
}

/** Cancel the runs of the grid that are not over. */
async function cancelSweep() {
  const going = sweepRuns.value.filter((cell) => !isOver(runOf(cell.id)));
  const failed = (await Promise.allSettled(going.map((cell) => api.cancel(cell.id)))).find((each) => each.status === "rejected");
  if (failed) say(/** @type {PromiseRejectedResult} */ (failed).reason.message, true);
}

/** @param {any[]} runs */
const cellsOf = (runs) => runs.map((run) => ({ id: run.id, at: run.point || {} }));

/** The grid: the last axis across, those before it down. */
export function SweepGrid() {
  const all = drawnAxes.value;
  const [across, values] = all.at(-1) || ["", []];
  const rows = all.slice(0, -1).reduce(
    (/** @type {Record<string, any>[]} */ found, [name, each]) => found.flatMap((row) => each.map((value) => ({ ...row, [name]: value }))), [{}],
  );
  const done = sweepRuns.value.filter((cell) => isOver(runOf(cell.id))).length;
  return html`<div class="sweep">
    <div class="sweep-scroll" tabindex="0" role="region" aria-label="Grid of the sweep"><table class="grid">
      <thead><tr><th scope="col"><span class="visually-hidden">Values</span></th>
        ${values.map((value) => html`<th scope="col">${across} ${String(value)}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`<tr>
        <th scope="row">${Object.entries(row).map(([name, value]) => html`<div>${name} ${String(value)}</div>`)}</th>
        ${values.map((value) => html`<td><${Cell} at=${{ ...row, [across]: value }} /></td>`)}</tr>`)}</tbody>
    </table></div>
    <div class="progress-row"><p class="status" role="status">${done} of ${sweepRuns.value.length} done</p>
      ${done < sweepRuns.value.length && html`<button type="button" class="small" id="cancel-sweep" onClick=${cancelSweep}>Cancel the rest</button>`}</div>
  </div>`;
}

/** @type {Record<string, string>} */
const STATES = { queued: "waiting", running: "running", failed: "failed", cancelled: "cancelled", finished: "no image" };

/** @param {{at: Record<string, any>}} props */
function Cell({ at }) {
  const cell = sweepRuns.value.find((each) => Object.entries(at).every(([name, value]) => String(each.at[name]) === String(value)));
  const run = cell && runOf(cell.id);
  if (!run) return html`<div class="cell"></div>`;
  const source = hasStill(run) ? null : run.steps.findLast((step) => step.image)?.image;
  const told = Object.entries(at).map(([name, value]) => `${name} ${value}`).join(", ");
  return html`<button type="button" class=${classes("cell", `is-${run.state}`)} disabled=${run.state !== "finished"}
    onClick=${() => openDetails(run.id)} title=${run.message || told}>
    ${hasStill(run) ? html`<${Still} run=${run} alt=${told} />` : source ? html`<img src=${source} alt=${told} />` : html`<span class="visually-hidden">${told}: </span><span class="cell-state">${STATES[run.state]}</span>`}
  </button>`;
}
