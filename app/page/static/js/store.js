// What the whole page knows: the workflow that is open, what was typed, and what the server said of it.
import * as api from "./api.js";
import { fieldsOf, inputsOf, sorted, typedOf } from "./fields.js";
import { apart, guiderFields } from "./guider_fields.js";
import { schedulerFields } from "./scheduler_field.js";
import { batch, computed, signal } from "./view.js";

export const VIEWS = ["create", "gallery", "compose"];
export const view = signal("create");
/** @type {import("../vendor/signals.mjs").Signal<any[]>} */
export const workflows = signal([]);
/** @type {import("../vendor/signals.mjs").Signal<any>} */
export const opened = signal(null);
export const task = signal("");
/** @type {import("../vendor/signals.mjs").Signal<Record<string, any>>} */
export const typed = signal({});
/** @type {import("../vendor/signals.mjs").Signal<any>} The last answer of the check. */
export const checked = signal(null);
/** A message over all views: {text, isBad}. */
/** @type {import("../vendor/signals.mjs").Signal<{text: string, isBad: boolean} | null>} */
export const notice = signal(null);

const ofInputs = computed(() => (opened.value ? fieldsOf(opened.value.inputs) : []));
/** @param {Record<string, any>} values what was typed, of which the guider says which settings there are */
const fieldsWith = (values) => (opened.value ? sorted([...ofInputs.value, ...schedulerFields(opened.value), ...guiderFields(opened.value, values)]) : []);
export const fields = computed(() => fieldsWith(typed.value));
export const given = computed(() => inputsOf(fields.value, typed.value));

/** What is needed and not given. It is said here, as the server knows neither fields nor a task that was chosen. */
const lacking = computed(() => fields.value.filter((field) => field.isRequired && given.value.inputs[field.name] === undefined));

/** Faults by the name of their input; under "" those of none.
 * @type {import("../vendor/signals.mjs").ReadonlySignal<Record<string, string[]>>} */
export const faults = computed(() => {
  /** @type {Record<string, string[]>} */
  const found = {};
  const names = new Set(fields.value.map((field) => field.name));
  // What was said of another value than the one that is there now is no fault any more.
  const isStale = (/** @type {string | null} */ name) => name && checked.value.asked && JSON.stringify(checked.value.asked[name]) !== JSON.stringify(given.value.inputs[name]);
  const said = (checked.value?.faults || []).filter((/** @type {any} */ fault) => !isStale(fault.input));
  for (const fault of [...given.value.faults, ...said]) {
    const name = fault.input && names.has(fault.input) ? fault.input : "";
    (found[name] ||= []).push(fault.text);
  }
  for (const field of lacking.value) found[field.name] = [given.value.faults.find((fault) => fault.input === field.name)?.text ?? `${field.label} is needed.`];
  return found;
});

/** Whether the form does not fit, as far as that is known: by itself, or by the last check, if that was of what the form says now. */
export const isRefused = computed(() => {
  if (given.value.faults.length || lacking.value.length) return true;
  return Boolean(checked.value?.faults?.length) && JSON.stringify(checked.value.asked) === JSON.stringify(given.value.inputs);
});

/** @param {string} name @param {any} value */
export function type(name, value) {
  const { [name]: _, ...others } = typed.value;
  typed.value = value === "" || value === undefined || value === null ? others : { ...others, [name]: value };
}

/** The field that an image is given in by itself: the one that is drawn anew, and not one that is only looked at. */
export const imageField = computed(() => {
  const takes = fields.value.filter((field) => field.role === "image" || field.role === "control");
  return takes.find((field) => field.name === "image") || takes[0] || null;
});

/** Put inputs of a run into the form; what it does not know is left out and named.
 * @param {Record<string, any>} inputs @returns {string[]} names that the form does not have */
export function fill(inputs) {
  /** @type {Record<string, any>} */
  const next = {};
  const left = [];
  const values = apart(opened.value, inputs);
  const known = fieldsWith(values);
  for (const [name, value] of Object.entries(values)) {
    const field = known.find((each) => each.name === name);
    if (field) next[name] = typedOf(field, value);
    else left.push(name);
  }
  typed.value = next;
  return left;
}

/** Say something over all views. What went well goes after a while; what did not stays until it is dismissed, or the next thing is said.
 * @param {string} text @param {boolean} [isBad] */
export function say(text, isBad = false) {
  const said = { text, isBad };
  notice.value = said;
  if (!isBad) setTimeout(() => { if (notice.value === said) notice.value = null; }, 8000);
}

let newest = 0;

/** @param {string} name @param {string} [chosen] the task; the first one that runs where none is given */
export async function open(name, chosen = "") {
  const mine = ++newest;
  const found = await api.openWorkflow(name, chosen);
  if (mine !== newest) return; // another one was chosen meanwhile
  batch(() => {
    opened.value = { ...found, id: found.id ?? name };
    task.value = chosen;
    checked.value = null;
  });
}

/** Open a workflow, or say why not.
 * @param {string} name @param {string} [chosen] */
export const choose = (name, chosen) => open(name, chosen).catch((error) => say(error.message, true));
