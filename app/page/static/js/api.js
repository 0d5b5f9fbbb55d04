// The server's HTTP interface: every address that the page asks is in this file.

/** @typedef {{input: string | null, text: string}} Fault */

/** What the server refused, with its faults. */
export class Refusal extends Error {
  /** @param {number} status @param {{type?: string, message?: string, faults?: (Fault | string)[]}} error */
  constructor(status, error) {
    super(error.message || `The server answered ${status}.`);
    this.status = status;
    this.type = error.type || "";
    /** @type {Fault[]} */
    this.faults = (error.faults || []).map((fault) => (typeof fault === "string" ? { input: null, text: fault } : fault));
  }
}

/** @param {string} address @param {RequestInit} [options] */
async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch {
    throw new Refusal(0, { message: "The server does not answer. Is it still running?" });
  }
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, said.error || { message: said.detail });
}

/** @param {string} address @returns {Promise<any>} */
const get = async (address) => (await ask(address)).json();

/** @param {string} address @param {unknown} [body] @returns {Promise<any>} */
async function post(address, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) };
  const answer = await ask(address, options);
  return answer.status === 204 ? null : answer.json();
}

const id = encodeURIComponent;

export const listWorkflows = () => get("/api/workflows");

/** @param {string} workflow @param {string} [task] */
export const openWorkflow = (workflow, task) =>
  get(`/api/workflows/${id(workflow)}${task ? `?workflow=${id(task)}` : ""}`);

/** @param {string} workflow @param {object} inputs */
export const check = (workflow, inputs) => post(`/api/workflows/${id(workflow)}/check`, { inputs });

/** @param {Blob} file @returns {Promise<{file: string}>} */
export const upload = async (file) => (await ask("/api/files", { method: "POST", body: file })).json();
/** @param {string} file its name */
export const fileAddress = (file) => `/api/files/${id(file)}`;
/** @param {string} run @param {string} output @param {number} index */
export const imageAddress = (run, output, index) => `/api/runs/${id(run)}/outputs/${id(output)}/${index}.png`;

/** @param {object} request */
export const start = (request) => post("/api/runs", request);
/** All that the server keeps, the newest first. */
export const listRuns = () => get("/api/runs?limit=200");
/** @param {string} run */
export const run = (run) => get(`/api/runs/${id(run)}`);
/** @param {string} run */
export const cancel = (run) => ask(`/api/runs/${id(run)}`, { method: "DELETE" });
/** @param {string} run */
export const replay = (run) => post(`/api/runs/${id(run)}/replay`);
/** @param {string} run @param {object} request */
export const branch = (run, request) => post(`/api/runs/${id(run)}/branch`, request);
/** @param {string} run */
export const recipe = (run) => get(`/api/runs/${id(run)}/recipe`);
/** What makes a run again, by form; why not, of a form that does not say it.
 * @param {string} run @returns {Promise<Record<"workflow.yaml" | "python" | "shell", {text: string | null, fault: string | null}>>} */
export const forms = (run) => get(`/api/runs/${id(run)}/forms`);
/** @param {string} a @param {string} b */
export const diff = (a, b) => get(`/api/diff?a=${id(a)}&b=${id(b)}`);
/** @param {object} request */
export const sweep = (request) => post("/api/sweeps", request);

/** The events after which none comes. */
export const LAST = ["finished", "failed", "cancelled"];
const KINDS = ["queued", "started", "block", "step", "preview", "cache", "component", "warning", ...LAST];

/** Listen to a run's events until its last one. `lost` is told while the server does not answer, and `found` when it does again.
 * @param {string} run @param {string} after the number of the last event that is known; "" for none
 * @param {(kind: string, data: any, number: string) => void} tell @returns {() => void} what stops it */
export function listen(run, after, tell) {
  const source = new EventSource(`/api/runs/${id(run)}/events?blocks=all${after && `&after=${after}`}`);
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      if (LAST.includes(kind)) source.close();
      tell(kind, JSON.parse(event.data || "{}"), event.lastEventId);
    });
  }
  // The browser connects again by itself, and the server goes on after the last event it had; what it refuses is closed.
  source.onerror = () => tell(source.readyState === EventSource.CLOSED ? "failed" : "lost", { message: "The connection to the server is lost." }, "");
  source.onopen = () => tell("found", {}, "");
  return () => source.close();
}

/** What can be put into a composition. @returns {Promise<{blocks: any[], guiders: any[]}>} */
export const catalog = () => get("/api/catalog");

/** Serve a composition under a name, with the components of the workflow that it began from.
 * @param {string} name @param {object} data of a workflow file @param {string} of */
export const serve = (name, data, of) => post("/api/workflows", { name, data, of });

/** A served workflow as the data of a workflow file. @param {string} workflow @returns {Promise<{data: any}>} */
export const compositionOf = (workflow) => get(`/api/workflows/${id(workflow)}/composition`);

/** What a composition consists of, and its faults; nothing is kept. @param {object} data of a workflow file */
export const lookAt = (data) => post("/api/compositions", { data });
