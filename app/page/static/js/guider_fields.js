// The choice of a guider and the fields of its settings, and what a recipe says of it. Pure functions.
import { fieldOf } from "./fields.js";

/** @typedef {import("./fields.js").Field} Field */
/** @typedef {{name: string, description: string, selected: boolean, schema: any}} Guider */

const PLACE = 900; // behind the inputs of its group

/** Return a field for the choice of each guider that a workflow has, and one for each setting of what is chosen.
 * @param {any} workflow @param {Record<string, any>} typed @returns {Field[]} */
export function guiderFields(workflow, typed) {
  const guiders = /** @type {Guider[]} */ (workflow.guiders || []);
  return (workflow.guider_names || []).flatMap((/** @type {string} */ name) => {
    const chosen = guiders.find((each) => each.name === typed[name]);
    const about = { type: "string", enum: guiders.map((each) => each.name), description: chosen?.description || "How the image is led to the prompt.", "x-group": "guidance", "x-order": PLACE };
    const choice = { .../** @type {Field} */ (fieldOf(name, about, false, PLACE)), kind: /** @type {const} */ ("guider") };
    const settings = Object.entries(chosen?.schema.properties || {}).map(([setting, schema], i) => settingField(name, setting, schema, PLACE + 1 + i));
    return guiders.length ? [choice, ...settings] : [];
  });
}

/** @param {string} guider @param {string} setting @param {any} schema @param {number} place @returns {Field} */
function settingField(guider, setting, schema, place) {
  const kinds = (schema.anyOf || [schema]).map((/** @type {any} */ each) => each.type);
  // What has no form of its own is given as JSON.
  const found = fieldOf(setting, schema, false, place) || /** @type {Field} */ (fieldOf(setting, { ...schema, type: "object" }, false, place));
  const isOneOrMore = kinds.includes("number") && kinds.includes("array");
  return { ...found, name: `${guider}.${setting}`, of: guider, setting, group: "guidance", order: place, ...(isOneOrMore && { kind: "list", items: "number", isOneOrMore }) };
}

/** Return inputs in which the settings of a guider stand by themselves, as the form has them.
 * @param {any} workflow @param {Record<string, any>} inputs @returns {Record<string, any>} */
export function apart(workflow, inputs) {
  /** @type {Record<string, any>} */
  const found = { ...inputs };
  for (const name of workflow.guider_names || []) {
    const guider = inputs[name];
    if (!guider || typeof guider !== "object") continue;
    const { name: chosen, ...settings } = guider;
    found[name] = chosen;
    for (const [setting, value] of Object.entries(settings)) found[`${name}.${setting}`] = value;
  }
  return found;
}

/** Return the guiders of a recipe as inputs, without settings that are the usual ones; nothing of the workflow's own as it is.
 * @param {any} workflow @param {any} recipe @returns {Record<string, any>} */
export function guidersOfRecipe(workflow, recipe) {
  /** @type {Record<string, any>} */
  const found = {};
  for (const name of workflow.guider_names || []) {
    const component = recipe.components?.[name];
    const cls = component?.class?.split(":").at(-1);
    const guider = workflow.guiders.find((/** @type {Guider} */ each) => each.name === cls);
    if (!guider) continue;
    const usual = guider.schema.properties;
    const settings = Object.entries(component.config || {})
      .filter(([setting, kept]) => kept && "value" in kept && usual[setting] && JSON.stringify(kept.value) !== JSON.stringify(usual[setting].default ?? null))
      .map(([setting, kept]) => [setting, kept.value]);
    if (settings.length || !guider.selected) found[name] = { name: cls, ...Object.fromEntries(settings) };
  }
  return found;
}
