// What is shown of a run wherever it appears: its images, its inputs and a title.

/** @param {import("./run.js").Output} output @returns {string} how its file's name ends, as "png" */
export const endingOf = (output) => output.url?.split(".").pop() || "";

/** @param {import("./run.js").Output} output */
export const isVideo = (output) => endingOf(output) === "mp4";

/** Images, and videos that browsers show as such.
 * @param {any} run @returns {import("./run.js").Output[]} */
export const imagesOf = (run) => (run.outputs || []).filter((/** @type {any} */ output) => ["png", "gif"].includes(endingOf(output)));

/** Videos and sounds.
 * @param {any} run @returns {import("./run.js").Output[]} */
export const playedOf = (run) => (run.outputs || []).filter((/** @type {any} */ output) => ["mp4", "wav"].includes(endingOf(output)));

/** Return the inputs of a run; of a branch, with what it changes.
 * @param {any} run @returns {Record<string, any>} */
export const inputsOfRun = (run) => ({ ...run.inputs, ...run.changes });

/** @param {any} run */
export function titleOf(run) {
  const { prompt } = inputsOfRun(run);
  const text = Array.isArray(prompt) ? prompt.join(", ") : prompt;
  return text || run.workflow || run.id;
}
