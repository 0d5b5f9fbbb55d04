// Asks the server what does not fit as one types, and drops answers to what is not asked any more.
import * as api from "./api.js";
import { checked, given, opened, say } from "./store.js";
import { effect } from "./view.js";

const PAUSE = 180; // milliseconds without a key before it is asked
let newest = 0;

/** Check after each change of the form, from now on. */
export function watch() {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  return effect(() => {
    const workflow = opened.value;
    const inputs = given.value.inputs;
    clearTimeout(waiting);
    if (workflow) waiting = setTimeout(() => askNow(workflow, inputs), PAUSE);
  });
}

/** @param {{id: string}} workflow @param {object} inputs */
async function askNow(workflow, inputs) {
  const mine = ++newest;
  // An answer about another workflow than the one that is open by then says nothing, even if no later one was asked for.
  const isWanted = () => mine === newest && workflow === opened.value;
  try {
    const answer = await api.check(workflow.id, inputs);
    if (isWanted()) checked.value = { ...answer, asked: inputs };
  } catch (error) {
    if (!isWanted()) return;
    const refusal = /** @type {api.Refusal} */ (error);
    if (refusal.faults.length) checked.value = { faults: refusal.faults, plan: [], asked: inputs };
    else say(refusal.message, true);
  }
}
