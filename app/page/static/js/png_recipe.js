// Reads the recipe that an image of this library has in its text chunks. Pure functions.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Return the texts of a PNG by their keys; none where it is no PNG.
 * @param {ArrayBuffer} content @returns {Promise<Record<string, string>>} */
export async function textsOf(content) {
  const bytes = new Uint8Array(content);
  const view = new DataView(content);
  /** @type {Record<string, string>} */
  const found = {};
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) return found;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    const text = kind === "tEXt" ? latin(body) : kind === "zTXt" ? await compressed(body) : kind === "iTXt" ? await international(body) : null;
    if (text) found[text[0]] = text[1];
    if (kind === "IEND") break;
    at += 12 + length;
  }
  return found;
}

/** @param {Uint8Array} body @param {number} [from] */
const end = (body, from = 0) => body.indexOf(0, from);

/** @param {Uint8Array} body @returns {[string, string]} */
function latin(body) {
  const decoder = new TextDecoder("latin1");
  return [decoder.decode(body.subarray(0, end(body))), decoder.decode(body.subarray(end(body) + 1))];
}

/** @param {Uint8Array} body @returns {Promise<[string, string]>} */
async function compressed(body) {
  const decoder = new TextDecoder("latin1");
  return [decoder.decode(body.subarray(0, end(body))), decoder.decode(await inflated(body.subarray(end(body) + 2)))];
}

/** @param {Uint8Array} body @returns {Promise<[string, string]>} */
async function international(body) {
  const decoder = new TextDecoder();
  const key = end(body);
  const language = end(body, key + 3);
  const translated = end(body, language + 1);
  const text = body.subarray(translated + 1);
  return [decoder.decode(body.subarray(0, key)), decoder.decode(body[key + 1] ? await inflated(text) : text)];
}

/** @param {Uint8Array} bytes */
async function inflated(bytes) {
  const stream = new Blob([/** @type {any} */ (bytes)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Return the inputs of a recipe, the seed among them, and the names of those that it has no values of.
 * @param {any} recipe @returns {{inputs: Record<string, any>, without: string[]}} */
export function inputsOfRecipe(recipe) {
  /** @type {Record<string, any>} */
  const inputs = {};
  const without = [];
  for (const [name, kept] of Object.entries(recipe.inputs || {})) {
    if (kept && typeof kept === "object" && "value" in kept) inputs[name] = kept.value;
    else without.push(name);
  }
  const seeds = (recipe.generators?.generator || []).map((/** @type {any} */ each) => each.seed);
  if (seeds.length) inputs.seed = seeds[recipe.image] ?? seeds[0];
  return { inputs, without };
}
