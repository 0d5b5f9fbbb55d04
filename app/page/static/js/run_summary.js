// What is shown of a run wherever it appears: its images and a title.

/** @param {any} run @returns {{url: string}[]} */
export const imagesOf = (run) => (run.outputs || []).filter((/** @type {any} */ output) => output.url?.endsWith(".png"));

/** @param {any} run */
export function titleOf(run) {
  const { prompt } = { ...run.inputs, ...run.changes };
  const text = Array.isArray(prompt) ? prompt.join(", ") : prompt;
  return text || run.workflow || run.id;
}
