// Asks the server what does not fit as one types, and drops answers to what is not asked any more.
import * as api from "./api.js";
import { checked, given, opened, say } from "./store.js";
import { effect, signal } from "./view.js";

const PAUSE = 180; // milliseconds without a key before it is asked
export const isChecking = signal(false);
let newest = 0;

/** Check after each change of the form, from now on. */
export function watch() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  return effect(() => {
    const workflow = opened.value?.id;
    const inputs = given.value.inputs;
    clearTimeout(waiting);
    if (workflow) waiting = setTimeout(() => askNow(workflow, inputs), PAUSE);
  });
}

/** @param {string} workflow @param {object} inputs */
async function askNow(workflow, inputs) {
  const mine = ++newest;
  isChecking.value = true;
  try {
    const answer = await api.check(workflow, inputs);
    if (mine === newest) checked.value = { ...answer, asked: inputs };
  } catch (error) {
    if (mine === newest) {
      const refusal = /** @type {import("./api.js").Refusal} */ (error);
      if (refusal.faults.length) checked.value = { faults: refusal.faults, plan: [], asked: inputs };
      else say(refusal.message, true);
    }
  } finally {
    if (mine === newest) isChecking.value = false;
  }
}
