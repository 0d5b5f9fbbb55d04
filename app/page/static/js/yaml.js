// Writes data as YAML, as a workflow file has it: a line for each key, texts in quotes. Pure functions.

/** @param {any} data @returns {string} */
export const yamlOf = (data) => `${lines(data).join("\n")}\n`;

/** @param {any} value @returns {string[]} */
function lines(value) {
  if (Array.isArray(value) && value.length) return value.flatMap((each) => indented(lines(each), "- "));
  if (value && typeof value === "object" && !Array.isArray(value) && Object.keys(value).length) {
    return Object.entries(value).flatMap(([name, each]) => {
      const key = /^[A-Za-z_][\w.-]*$/.test(name) && !/^(yes|no|on|off|y|n|true|false|null)$/i.test(name) ? name : JSON.stringify(name);
      const inside = lines(each);
      return isFlat(each) ? [`${key}: ${inside[0]}`] : [`${key}:`, ...indented(inside, "  ")];
    });
  }
  // What JSON writes of numbers, texts, true, null, {} and [] is YAML, too.
  return [JSON.stringify(value)];
}

/** @param {any} value */
const isFlat = (value) => value === null || typeof value !== "object" || !Object.keys(value).length;

/** @param {string[]} inside @param {string} first */
const indented = (inside, first) => inside.map((line, i) => (i ? "  " : first) + line);
