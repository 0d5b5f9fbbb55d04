// The composition on the compose view: what it is, what was before, and edits that the server applies and checks.
import * as api from "./api.js";
import { opened, say } from "./store.js";
import { batch, computed, signal } from "./view.js";

/** @typedef {{name: string, type: string | null, description?: string, required?: boolean}} BlockPort */
/** @typedef {{path: string, name: string, class: string, block: string, description: string, inputs: BlockPort[], outputs: BlockPort[],
 *   components: {name: string, class: string}[], options: Record<string, any>, blocks?: Block[]}} Block */
/** @typedef {{composition: object, tree: Block, faults: string[], yaml: string, hash: string}} Composed */
/** @typedef {"replace" | "before" | "after" | "inside"} Place */

/** @type {import("../vendor/signals.mjs").Signal<Composed | null>} */
export const composed = signal(null);
/** @type {import("../vendor/signals.mjs").Signal<Composed[]>} */
const before = signal([]);
export const selected = signal("");
/** @type {import("../vendor/signals.mjs").Signal<Block[] | null>} */
export const catalog = signal(null);
/** @type {import("../vendor/signals.mjs").Signal<Set<string>>} */
export const closed = signal(new Set());
export const canUndo = computed(() => before.value.length > 0);

/** All blocks with their depth, those in closed ones left out. */
export const rows = computed(() => {
  /** @type {{block: Block, depth: number}[]} */
  const found = [];
  const walk = (/** @type {Block} */ block, /** @type {number} */ depth) => {
    found.push({ block, depth });
    if (!closed.value.has(block.path)) for (const part of block.blocks || []) walk(part, depth + 1);
  };
  for (const block of composed.value?.tree.blocks || []) walk(block, 0);
  return found;
});

export const current = computed(() => (composed.value ? find(composed.value.tree, selected.value) : null));

/** @param {Block} tree @param {string} path @returns {Block | null} */
export function find(tree, path) {
  /** @type {Block | undefined} */
  let block = tree;
  for (const name of path ? path.split(".") : []) block = block?.blocks?.find((part) => part.name === name);
  return path && block ? block : null;
}

/** Begin with the blocks of the open workflow, or with none.
 * @param {boolean} isEmpty */
export async function begin(isEmpty = false) {
  const composition = isEmpty ? { block: "SequentialPipelineBlocks", blocks: {} } : undefined;
  try {
    const answer = await api.compose({ workflow: opened.value.id, ...(composition && { composition }) });
    batch(() => {
      before.value = composed.value ? [...before.value, composed.value] : [];
      composed.value = answer;
      selected.value = "";
    });
    catalog.value ||= await api.catalog();
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

/** Ask what an edit would give; its faults are thrown as a refusal.
 * @param {object} edit @returns {Promise<Composed>} */
export const tried = (edit) => api.compose({ workflow: opened.value.id, composition: composed.value?.composition, edit });

/** Take what an edit gave.
 * @param {Composed} answer @param {string} [path] what is selected then */
export function take(answer, path) {
  batch(() => {
    if (composed.value) before.value = [...before.value.slice(-99), composed.value];
    composed.value = answer;
    if (path !== undefined) selected.value = path;
  });
}

/** Apply an edit that is sure to be wanted, and say what is wrong with it otherwise.
 * @param {object} edit @param {string} [path] */
export async function apply(edit, path) {
  try {
    take(await tried(edit), path);
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

export function undo() {
  const last = before.value.at(-1);
  if (!last) return;
  batch(() => {
    before.value = before.value.slice(0, -1);
    composed.value = last;
    if (!find(last.tree, selected.value)) selected.value = "";
  });
}

/** Return the edit that puts a block, and the path that it has then.
 * @param {Block} block @param {Place} place @param {string} name */
export function putting(block, place, name) {
  const anchor = selected.value;
  if (place === "replace") return { edit: { replace: anchor, with: block.name }, path: anchor };
  const head = place === "inside" ? anchor : anchor.slice(0, Math.max(0, anchor.lastIndexOf(".")));
  const path = head ? `${head}.${name}` : name;
  if (!anchor || place === "inside") return { edit: { insert: name, block: block.name, inside: anchor }, path };
  return { edit: { insert: name, block: block.name, [place]: anchor }, path };
}

/** Return a name for a block that none beside it has.
 * @param {Block} block @param {Place} place */
export function freeName(block, place) {
  const short = block.name.split("/").at(-1) || block.name;
  const plain = short.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
  const head = place === "inside" ? selected.value : selected.value.slice(0, Math.max(0, selected.value.lastIndexOf(".")));
  const around = head && composed.value ? find(composed.value.tree, head) : composed.value?.tree;
  const taken = new Set((around?.blocks || []).map((part) => part.name));
  let name = plain;
  for (let number = 2; taken.has(name); number++) name = `${plain}_${number}`;
  return name;
}
