// The choice of a scheduler, and what a recipe says of it. Pure functions.
import { fieldOf } from "./fields.js";

/** @typedef {{name: string, class_name: string, settings: Record<string, any>, selected: boolean}} NamedScheduler */

const PLACE = 900; // behind the inputs of its group

/** Return the field for the scheduler; none where a workflow has none to choose.
 * @param {any} workflow @returns {import("./fields.js").Field[]} */
export function schedulerFields(workflow) {
  if (!workflow.scheduler) return [];
  const names = /** @type {NamedScheduler[]} */ (workflow.scheduler.names);
  const own = names.find((each) => each.selected)?.name ?? workflow.scheduler.class;
  const about = {
    type: "string", enum: names.map((each) => each.name), default: own, "x-group": "sampling", "x-order": PLACE,
    description: "How the steps go from noise to the image.",
  };
  return [{ .../** @type {import("./fields.js").Field} */ (fieldOf("scheduler", about, false, PLACE)), kind: "scheduler" }];
}

/** Return the scheduler of a recipe as what is typed; nothing where it is the workflow's own, or none of the names.
 * @param {any} workflow @param {any} recipe @returns {{scheduler?: string}} */
export function schedulerOfRecipe(workflow, recipe) {
  const component = recipe.components?.scheduler;
  const cls = component?.class?.split(":").at(-1);
  const found = /** @type {NamedScheduler[]} */ (workflow.scheduler?.names || []).find((each) =>
    each.class_name === cls && Object.entries(each.settings).every(([name, value]) => component.config?.[name]?.value === value));
  return found && !found.selected ? { scheduler: found.name } : {};
}
