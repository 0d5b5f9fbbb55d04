// Runs that this page has started or looks at: what their events told so far.
import * as api from "./api.js";
import { randomSeed } from "./fields.js";
import { checked, given, isRefused, opened, say } from "./store.js";
import { signal } from "./view.js";

/** @typedef {{path: string, index: number, total: number | null, seconds: number, image?: string}} Step */
/** @typedef {{state: "running" | "done" | "cached", seconds?: number, bytes?: number}} BlockState */
/** @typedef {{name: string, index: number, url: string, sha256?: string}} Output */
/** @typedef {{id: string, state: string, position: number | null, seed: any, steps: Step[], total: number | null,
 *   blocks: Record<string, BlockState>, outputs: Output[], seconds: number | null, message: string, warnings: string[],
 *   running: string, since: number, isBranch?: boolean, verdict?: {same: boolean}}} Run */

/** @type {Map<string, import("../vendor/signals.mjs").Signal<Run>>} */
const followed = new Map();
/** @type {import("../vendor/signals.mjs").Signal<string>} The run on the stage. */
export const staged = signal("");
/** @type {import("../vendor/signals.mjs").Signal<number | null>} The step that the scrubber shows; null for the result. */
export const scrubbed = signal(null);
/** Counts runs that ended, so that the gallery looks again. */
export const ended = signal(0);

const PREVIEW = { every: 1, size: 256 };
export const LAST = ["finished", "failed", "cancelled"];

/** @param {string} id @returns {Run | null} */
export const runOf = (id) => followed.get(id)?.value || null;
export const stagedRun = () => runOf(staged.value);

/** Start a run of what the form says. */
export async function startRun() {
  if (given.value.faults.length || isRefused.value) return refuse();
  const { seed = randomSeed(), ...inputs } = given.value.inputs;
  await begin(() => api.start({ workflow: opened.value.id, inputs, seed, preview: PREVIEW }), seed);
}

/** Branch from a step of the staged run, with what the form says now; the steps before are shared.
 * @param {number} step */
export async function branchFrom(step) {
  const parent = staged.value;
  const { seed: _, ...inputs } = given.value.inputs;
  await begin(() => api.branch(parent, { at_step: step, inputs, preview: PREVIEW }), runOf(parent)?.seed, true);
}

/** @param {() => Promise<{id: string, position?: number}>} ask @param {any} seed @param {boolean} [isBranch] */
async function begin(ask, seed, isBranch = false) {
  try {
    const { id, position } = await ask();
    follow(id, { seed, position: position ?? null, isBranch });
    staged.value = id;
    scrubbed.value = null;
    say("");
  } catch (error) {
    const refusal = /** @type {api.Refusal} */ (error);
    if (!refusal.faults?.length) return say(refusal.message, true);
    checked.value = { ...(checked.value || {}), faults: refusal.faults, asked: given.value.inputs };
    refuse();
  }
}

/** Say that the form does not fit, and lead to the first field that does not. */
function refuse() {
  say("This does not fit; see beside the fields.", true);
  setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('.form [aria-invalid="true"]'))?.focus(), 50);
}

/** Listen to a run from its first event.
 * @param {string} id @param {Partial<Run>} [known] @param {(run: Run) => void} [tell] */
export function follow(id, known = {}, tell) {
  if (followed.has(id)) return;
  const run = signal(/** @type {Run} */ ({
    id, state: "queued", position: null, seed: null, steps: [], total: null, blocks: {}, outputs: [], seconds: null,
    message: "", warnings: [], running: "", since: performance.now(), ...known,
  }));
  followed.set(id, run);
  api.listen(id, (kind, data) => {
    run.value = heard(run.value, kind, data);
    tell?.(run.value);
    if (LAST.includes(kind)) ended.value += 1;
  });
}

/** Return a run after one more event.
 * @param {Run} run @param {string} kind @param {any} data @returns {Run} */
export function heard(run, kind, data) {
  switch (kind) {
    case "queued": return { ...run, position: data.position };
    case "started": return { ...run, state: "running", position: null, total: data.steps ?? run.total };
    case "block": return heardBlock(run, data);
    case "step": return heardStep(run, data);
    case "preview": return heardPreview(run, data);
    case "cache": return { ...run, blocks: { ...run.blocks, [data.path]: { ...run.blocks[data.path], state: "cached" } } };
    case "warning": return { ...run, warnings: [...run.warnings, data.text] };
    case "finished": return { ...run, state: "finished", running: "", outputs: data.outputs || [], seconds: data.seconds, verdict: data.verdict };
    case "failed": return { ...run, state: "failed", running: "", message: data.message || "It failed." };
    case "cancelled": return { ...run, state: "cancelled", running: "" };
    default: return run;
  }
}

/** @param {Run} run @param {any} data @returns {Run} */
function heardBlock(run, data) {
  const isRunning = data.state === "started" || data.state === "running";
  const before = run.blocks[data.path];
  const state = isRunning ? "running" : before?.state === "cached" || data.state === "cached" ? "cached" : "done";
  return {
    ...run, running: isRunning ? data.path : run.running === data.path ? "" : run.running,
    blocks: { ...run.blocks, [data.path]: { state, seconds: data.seconds, bytes: data.bytes } },
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
