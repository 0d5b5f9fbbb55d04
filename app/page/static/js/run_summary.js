// What is shown of a run wherever it appears: its images, its inputs and a title.

/** @param {any} run @returns {import("./run.js").Output[]} */
export const imagesOf = (run) => (run.outputs || []).filter((/** @type {any} */ output) => /\.(png|gif)$/.test(output.url || ""));

/** Videos and sounds.
 * @param {any} run @returns {import("./run.js").Output[]} */
export const playedOf = (run) => (run.outputs || []).filter((/** @type {any} */ output) => /\.(mp4|wav|flac)$/.test(output.url || ""));

/** Return the inputs of a run; of a branch, with what it changes.
 * @param {any} run @returns {Record<string, any>} */
export const inputsOfRun = (run) => ({ ...run.inputs, ...run.changes });

/** @param {any} run */
export function titleOf(run) {
  const { prompt } = inputsOfRun(run);
  const text = Array.isArray(prompt) ? prompt.join(", ") : prompt;
  return text || run.workflow || run.id;
}
