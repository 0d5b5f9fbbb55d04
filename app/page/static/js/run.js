// Runs that this page has started or looks at: what their events told so far.
import * as api from "./api.js";
import { randomSeed } from "./fields.js";
import { listen, prefer } from "./listening.js";
import { inputsOfRun } from "./run_summary.js";
import { checked, fields, given, isRefused, opened, say } from "./store.js";
import { signal } from "./view.js";

/** @typedef {{path: string, index: number, total: number | null, seconds: number, image?: string}} Step */
/** @typedef {{state: "running" | "done" | "cached", seconds?: number, bytes?: number, count?: number}} BlockState
 * `count`: how often a block in a loop ran; `seconds` are those of one time then. */
/** @typedef {{name: string, index: number, url: string, sha256?: string}} Output */
/** @typedef {{id: string, state: string, position: number | null, seed: any, steps: Step[], total: number | null,
 *   blocks: Record<string, BlockState>, outputs: Output[], seconds: number | null, message: string, warnings: string[],
 *   running: string, workflow: string, isLost: boolean, isBranch?: boolean, verdict?: {same: boolean}}} Run
 * `isLost`: the server does not answer. */

/** @type {Map<string, import("../vendor/signals.mjs").Signal<Run>>} */
const followed = new Map();
/** @type {import("../vendor/signals.mjs").Signal<string>} The run on the stage. */
export const staged = signal("");
/** Which of the steps with a preview the scrubber shows; null for the result. @type {import("../vendor/signals.mjs").Signal<number | null>} */
export const scrubbed = signal(null);
/** Whether a run is asked for, and the answer is not there yet. */
export const isAsking = signal(false);
/** Counts runs that began or ended, so that the gallery looks again. */
export const changed = signal(0);

const PREVIEW = { every: 1, size: 256 };

/** @param {Run | null | undefined} run */
export const isOver = (run) => api.LAST.includes(run?.state || "");
/** @param {string} id @returns {Run | null} */
export const runOf = (id) => followed.get(id)?.value || null;
export const stagedRun = () => runOf(staged.value);

/** Start a run of what the form says. */
export async function startRun() {
  if (isRefused.value) return refuse();
  const { seed = randomSeed(), ...inputs } = given.value.inputs;
  const workflow = opened.value.id;
  const { scheduler } = given.value;
  await begin(() => api.start({ workflow, inputs, seed, scheduler, preview: PREVIEW }), { seed, workflow });
}

/** Branch from a step of the staged run, with what the form says now; the steps before are shared.
 * @param {Step} step */
export async function branchFrom(step) {
  if (isRefused.value) return refuse();
  const parent = /** @type {Run} */ (stagedRun());
  const { inputs, scheduler } = given.value;
  await begin(async () => {
    const run = await api.run(parent.id);
    if (scheduler !== run.scheduler) throw new Error(`A branch has the scheduler of its run: choose ${run.scheduler ?? "the workflow's own"} first.`);
    const changes = changesOf(inputsOfRun(run), inputs);
    if (!Object.keys(changes).length) throw new Error("A branch differs from its run: change something in the form first.");
    return api.branch(parent.id, { at_step: step.index + 1, loop: step.path, inputs: changes, preview: PREVIEW });
  }, { seed: parent.seed, workflow: parent.workflow, isBranch: true });
}

/** Return what differs between the inputs of a run and those of the form; what the form has no more is what it is by itself.
 * @param {Record<string, any>} before @param {Record<string, any>} now */
function changesOf(before, now) {
  const usual = Object.fromEntries(fields.value.map((field) => [field.name, field.fallback]));
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].filter((name) => name !== "seed");
  const valueOf = (/** @type {Record<string, any>} */ inputs, /** @type {string} */ name) => inputs[name] ?? usual[name] ?? null;
  return Object.fromEntries(names.filter((name) => JSON.stringify(valueOf(before, name)) !== JSON.stringify(valueOf(now, name)))
    .map((name) => [name, valueOf(now, name)]));
}

/** @param {() => Promise<{id: string, position?: number}>} ask @param {Partial<Run>} known */
async function begin(ask, known) {
  if (isAsking.value) return;
  const asked = given.value.inputs;
  isAsking.value = true;
  try {
    const { id, position } = await ask();
    stage(id, { ...known, position: position ?? null });
    lookAtStage();
    changed.value += 1;
    say("");
  } catch (error) {
    refused(/** @type {Error} */ (error), asked);
  } finally {
    isAsking.value = false;
  }
}

/** Where the stage stands below the form, as on a phone, lead to it. */
export function lookAtStage() {
  if (matchMedia("(max-width: 760px)").matches) document.querySelector(".column-stage")?.scrollIntoView();
}

/** Say what the server has refused, beside the fields where it names them.
 * @param {Error} error @param {Record<string, any>} asked */
export function refused(error, asked) {
  const faults = /** @type {api.Refusal} */ (error).faults;
  if (!faults?.length) return say(error.message, true);
  checked.value = { ...(checked.value || {}), faults, asked };
  refuse();
}

/** Say that the form does not fit, and lead to the first field that does not. */
export function refuse() {
  say("This does not fit; see beside the fields.", true);
  setTimeout(() => {
    const field = /** @type {HTMLElement | null} */ (document.querySelector('.form [aria-invalid="true"]'));
    const closed = field?.closest("details");
    if (closed) closed.open = true;
    field?.focus();
  }, 50);
}

/** Put a run on the stage.
 * @param {string} id @param {Partial<Run>} known */
export function stage(id, known) {
  if (id !== staged.value) forgetSteps(staged.value);
  const run = runOf(id);
  if (isOver(run) && !run?.steps.length) followed.delete(id);
  if (followed.has(id)) prefer(id);
  else follow(id, known, undefined, true);
  staged.value = id;
  scrubbed.value = null;
}

/** Put nothing on the stage. */
export function unstage() {
  forgetSteps(staged.value);
  staged.value = "";
}

/** Let go of the previews of a run that is over; the server still has them.
 * @param {string} id */
function forgetSteps(id) {
  const run = followed.get(id);
  if (run && isOver(run.value)) run.value = { ...run.value, steps: [] };
}

/** Listen to a run from its first event.
 * @param {string} id @param {Partial<Run>} [known] @param {(run: Run) => void} [tell] @param {boolean} [isFirst] before the others */
export function follow(id, known = {}, tell, isFirst = false) {
  if (followed.has(id)) return;
  const run = signal(/** @type {Run} */ ({
    id, state: "queued", position: null, seed: null, steps: [], total: null, blocks: {}, outputs: [], seconds: null,
    message: "", warnings: [], running: "", workflow: "", isLost: false, ...known,
  }));
  followed.set(id, run);
  listen(id, (kind, data) => {
    run.value = heard(run.value, kind, data);
    tell?.(run.value);
    if (!isOver(run.value)) return;
    if (id !== staged.value) forgetSteps(id);
    changed.value += 1;
  }, isFirst);
}

/** Note how many runs are before one that waits: its events say it only once.
 * @param {string} id @param {number | null} position */
export function notePosition(id, position) {
  const run = followed.get(id);
  if (run?.value.state === "queued" && run.value.position !== position) run.value = { ...run.value, position };
}

/** Return a run after one more event.
 * @param {Run} run @param {string} kind @param {any} data @returns {Run} */
export function heard(run, kind, data) {
  switch (kind) {
    case "queued": return { ...run, position: data.position };
    case "lost": return { ...run, isLost: true };
    case "found": return run.isLost ? { ...run, isLost: false } : run;
    case "started": return { ...run, state: "running", position: null, workflow: data.workflow ?? run.workflow, total: data.steps ?? run.total };
    case "block": return heardBlock(run, data);
    case "step": return heardStep(run, data);
    case "preview": return heardPreview(run, data);
    case "cache": return { ...run, blocks: { ...run.blocks, [data.path]: { ...run.blocks[data.path], state: "cached" } } };
    case "warning": return { ...run, warnings: [...run.warnings, data.text] };
    case "finished": return { ...run, state: "finished", running: "", outputs: data.outputs || [], seconds: data.seconds, verdict: data.verdict };
    case "failed": return { ...run, state: "failed", running: "", isLost: false, message: data.message || "It failed." };
    case "cancelled": return { ...run, state: "cancelled", running: "" };
    default: return run;
  }
}

/** Of a block in a loop the mean is kept: it runs often, and of long runs the server has let the first events go.
 * @param {Run} run @param {any} data @returns {Run} */
function heardBlock(run, data) {
  const before = run.blocks[data.path];
  if (data.state === "started") return { ...run, running: data.path, blocks: { ...run.blocks, [data.path]: { ...before, state: "running" } } };
  const loop = run.steps.findLast((step) => data.path.startsWith(`${step.path}.`))?.path;
  const count = loop ? (before?.count || 0) + 1 : 1;
  const seconds = count > 1 ? before.seconds + (data.seconds - before.seconds) / count : data.seconds;
  const state = before?.state === "cached" ? "cached" : "done";
  return {
    ...run, running: run.running === data.path ? loop || "" : run.running,
    blocks: { ...run.blocks, [data.path]: { state, seconds, bytes: data.bytes, count } },
  };
}

/** @param {Run} run @param {any} data @returns {Run} */
function heardStep(run, data) {
  const steps = [...run.steps];
  const at = steps.findIndex((step) => step.path === data.path && step.index === data.index);
  const step = { ...(at < 0 ? {} : steps[at]), path: data.path, index: data.index, total: data.total, seconds: data.seconds };
  if (at < 0) steps.push(step);
  else steps[at] = step;
  return { ...run, steps, total: data.total ?? run.total, running: data.path };
}

/** @param {Run} run @param {any} data @returns {Run} */
function heardPreview(run, data) {
  const image = data.data.startsWith("data:") ? data.data : `data:${data.mime || "image/jpeg"};base64,${data.data}`;
  const at = run.steps.findIndex((step) => step.path === data.path && step.index === data.index);
  if (at < 0) return { ...run, steps: [...run.steps, { path: data.path, index: data.index, total: run.total, seconds: 0, image }] };
  return { ...run, steps: run.steps.map((step, i) => (i === at ? { ...step, image } : step)) };
}

/** Return how many seconds a run still needs, by the mean of its steps; null where nothing tells.
 * @param {Run} run */
export function secondsLeft(run) {
  const timed = run.steps.filter((step) => step.seconds);
  const last = run.steps.at(-1);
  if (!timed.length || !last || !last.total) return null;
  const mean = timed.reduce((sum, step) => sum + step.seconds, 0) / timed.length;
  return Math.max(0, last.total - last.index - 1) * mean;
}

/** @param {string} id */
export const stop = (id) => api.cancel(id).catch((error) => say(error.message, true));
