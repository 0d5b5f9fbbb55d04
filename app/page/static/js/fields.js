// From a workflow's JSON schema to the fields of a form, and from what a person typed to inputs. Pure functions.

/** @typedef {"text" | "line" | "number" | "integer" | "choice" | "switch" | "file" | "list" | "data" | "seed" | "guider" | "scheduler"} Kind */
/** @typedef {{name: string, label: string, kind: Kind, role: string, group: string, order: number, unit: string,
 *   isRequired: boolean, description: string, fallback: any, min?: number, max?: number, step?: number,
 *   choices?: any[], items?: string, length?: number, accept?: string,
 *   of?: string, setting?: string, isOneOrMore?: boolean}} Field
 * `of` is the guider whose `setting` it is; `isOneOrMore` takes a number, or one for each step. */

export const GROUPS = ["prompt", "image", "size", "sampling", "guidance", "output", "expert"];
export const TITLES = {
  prompt: "Prompt", image: "Images given", size: "Size", sampling: "Sampling", guidance: "Guidance",
  output: "Result", expert: "Expert",
};
const IMAGES = ["image", "mask", "control"];

/** Return what a value may be, without null.
 * @param {any} schema @returns {any[]} */
function alternatives(schema) {
  const all = schema.anyOf || schema.oneOf || [schema];
  return all.flatMap((/** @type {any} */ each) => (each.anyOf ? alternatives(each) : [each]))
    .filter((/** @type {any} */ each) => each.type !== "null");
}

/** Return the choices that a schema names, null among them where it may be; undefined where it names none.
 * @param {any} schema @returns {any[] | undefined} */
export function choicesOf(schema) {
  const found = schema.enum || alternatives(schema).find((each) => each.enum)?.enum;
  const mayBeNull = (schema.anyOf || schema.oneOf || []).some((/** @type {any} */ each) => each.type === "null");
  return found && mayBeNull && !found.includes(null) ? [...found, null] : found;
}

/** Return the fields of a schema, those of a group together and in their order.
 * @param {any} schema @returns {Field[]} */
export function fieldsOf(schema) {
  // Of alternatives, such as a prompt or its embeddings, a form asks for the first.
  const required = new Set([...(schema.required || []), ...(schema.anyOf?.[0]?.required || [])]);
  const fields = Object.entries(schema.properties || {}).map(([name, each], place) => fieldOf(name, each, required.has(name), place));
  return sorted(/** @type {Field[]} */ (fields.filter(Boolean)));
}

/** Return fields with those of a group together and in their order.
 * @param {Field[]} fields @returns {Field[]} */
export function sorted(fields) {
  return fields.sort(
    (a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || Number(b.isRequired) - Number(a.isRequired) || a.order - b.order,
  );
}

/** Return the field of one value; null where a form cannot ask for it.
 * @param {string} name @param {any} schema @param {boolean} isRequired @param {number} place @returns {Field | null} */
export function fieldOf(name, schema, isRequired, place) {
  const all = alternatives(schema);
  const role = schema["x-role"] || (name === "seed" ? "seed" : "other");
  const kind = kindOf(all, role, schema);
  if (kind === null) return null;
  // What second encoders are told, and values that are no images, are for those who look for them.
  const isRare = /_[2-9]$|^output_type$/.test(name);
  const group = isRequired && kind !== "file" ? "prompt" : isRare ? "expert" : schema["x-group"];
  const number = all.find((each) => each.type === "integer" || each.type === "number") || {};
  const list = all.find((each) => each.type === "array");
  return {
    name, kind, role, isRequired, label: words(name),
    group: GROUPS.includes(group) ? group : "expert",
    order: schema["x-order"] ?? place,
    unit: schema["x-unit"] || "",
    description: schema.description || "",
    fallback: schema.default ?? null,
    min: number.minimum ?? (number.exclusiveMinimum !== undefined ? number.exclusiveMinimum : undefined),
    max: number.maximum ?? number.exclusiveMaximum,
    step: schema.multipleOf ?? number.multipleOf ?? (number.type === "integer" ? 1 : undefined),
    choices: choicesOf(schema),
    items: list?.prefixItems?.[0]?.type || list?.items?.type,
    length: list?.prefixItems?.length,
    accept: IMAGES.includes(role) ? "image/png,image/jpeg,image/webp" : ".safetensors",
  };
}

/** @param {any[]} all @param {string} role @param {any} schema @returns {Kind | null} */
function kindOf(all, role, schema) {
  const has = (/** @type {string} */ type) => all.some((each) => each.type === type);
  if (role === "seed") return has("integer") ? "seed" : null; // generators: the seed stands for them
  if (IMAGES.includes(role) || schema["x-file"]) return "file";
  if (choicesOf(schema)) return "choice";
  if (role === "prompt") return "text";
  if (has("string")) return "line";
  if (has("boolean")) return "switch";
  if (has("integer") && !has("number")) return "integer";
  if (has("number")) return "number";
  const list = all.find((each) => each.type === "array");
  if (list && ["integer", "number", "string"].includes(list.prefixItems?.[0]?.type || list.items?.type)) return "list";
  if (has("object")) return "data";
  return null; // what only Python can give, such as tensors without files
}

/** Return a name as words: num_inference_steps is "Inference steps".
 * @param {string} name */
export function words(name) {
  const text = name.replace(/^num_/, "").replaceAll("_", " ");
  return text[0].toUpperCase() + text.slice(1);
}

/** Return the value of what a person typed; undefined if nothing, and a text of what is wrong by throwing it.
 * @param {Field} field @param {any} typed @returns {any} */
export function valueOf(field, typed) {
  if (typed === undefined || typed === null || typed === "") return undefined;
  if (typeof typed === "string" && !typed.trim() && field.kind !== "text" && field.kind !== "line") return undefined;
  switch (field.kind) {
    // A browser has choices as texts.
    case "choice": return field.choices?.find((choice) => String(choice) === String(typed)) ?? typed;
    case "integer": case "number": case "seed": return numberOf(typed, field.kind !== "number");
    case "list": {
      const parts = String(typed).replace(/^\[|\]$/g, "").split(",").map((part) => part.trim()).filter((part) => part !== "");
      if (field.items === "string") return parts;
      const numbers = parts.map((part) => numberOf(part, field.items === "integer"));
      return field.isOneOrMore && numbers.length === 1 ? numbers[0] : numbers;
    }
    case "data":
      try {
        return JSON.parse(typed);
      } catch {
        throw new TypeError('This is no JSON, such as {"scale": 0.5}.');
      }
    default: return typed;
  }
}

/** @param {any} typed @param {boolean} isWhole */
function numberOf(typed, isWhole) {
  const number = typeof typed === "number" ? typed : Number(String(typed).trim());
  if (!Number.isFinite(number)) throw new TypeError(`${typed} is no number.`);
  if (isWhole && !Number.isInteger(number)) throw new TypeError(`${typed} is no whole number.`);
  return number;
}

/** Return the inputs that were given, the scheduler where another than the workflow's was chosen, and what is wrong with the others.
 * @param {Field[]} fields @param {Record<string, any>} typed */
export function inputsOf(fields, typed) {
  /** @type {Record<string, any>} */
  const inputs = {};
  /** @type {{input: string, text: string}[]} */
  const faults = [];
  /** @type {string | undefined} */
  let scheduler;
  for (const field of fields) {
    try {
      const value = valueOf(field, typed[field.name]);
      if (value === undefined) continue;
      if (field.kind === "scheduler") scheduler = value === field.fallback ? undefined : value; // it is no input
      else if (field.of && field.setting) inputs[field.of][field.setting] = value; // behind its guider, in the order of fields
      else inputs[field.name] = field.kind === "guider" ? { name: value } : value;
    } catch (error) {
      faults.push({ input: field.name, text: /** @type {Error} */ (error).message });
    }
  }
  return { inputs, scheduler, faults };
}

/** Return how a value is typed into its field.
 * @param {Field} field @param {any} value */
export function typedOf(field, value) {
  if (value === null || value === undefined) return undefined;
  if (field.kind === "data") return JSON.stringify(value);
  if (field.kind === "list") return Array.isArray(value) ? value.join(", ") : String(value);
  // Several texts stay several: joined they would be another one.
  if (field.kind === "text" || field.kind === "line") return Array.isArray(value) && value.length !== 1 ? value : String(value);
  if (field.kind === "seed" && Array.isArray(value)) return value[0];
  return value;
}

/** Return the values that a text names for an axis: "1, 3, 5" or "1..4".
 * @param {Field} field @param {string} text @returns {any[]} */
export function axisValues(field, text) {
  const range = /^\s*(-?\d+)\s*\.\.\s*(-?\d+)\s*$/.exec(text);
  if (range) {
    const [low, high] = [Number(range[1]), Number(range[2])];
    if (high < low || high - low > 63) throw new TypeError(`${text.trim()} names no values, or more than 64.`);
    return Array.from({ length: high - low + 1 }, (_, i) => low + i);
  }
  const separator = field.kind === "text" || field.kind === "line" ? /[|\n]/ : /[,|\n]/;
  const parts = text.split(separator).map((part) => part.trim()).filter(Boolean);
  return parts.map((part) => valueOf(field, part));
}

/** A seed that nobody chose. */
export const randomSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];
