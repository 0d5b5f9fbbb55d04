// The composition on the compose view: what it is, what was before, and edits that the server applies and checks.
import * as api from "./api.js";
import { opened, say } from "./store.js";
import { batch, computed, signal } from "./view.js";

/** @typedef {{name: string, type: string | null, description?: string, required?: boolean}} BlockPort */
/** @typedef {{path: string, name: string, class: string, block: string, description: string, inputs: BlockPort[], outputs: BlockPort[],
 *   components: {name: string, class: string}[], options: Record<string, any>, blocks?: Block[]}} Block */
/** `data` is of a workflow file, with the edits that were made here as its last ones; `options` are schemas by path and name.
 * @typedef {{data: any, tree: Block, options: Record<string, Record<string, any>>, faults: string[], warnings: string[], digest: string | null}} Composed */
/** @typedef {"replace" | "before" | "after" | "first"} Place */

/** @type {import("../vendor/signals.mjs").Signal<Composed | null>} */
export const composed = signal(null);
/** @type {import("../vendor/signals.mjs").Signal<Composed[]>} */
const before = signal([]);
/** The workflow that the composition began from, whose components it has when it is run. */
export const begunFrom = signal("");
export const selected = signal("");
/** Whether an edit is on its way. */
export const isEditing = signal(false);
let waiting = 0;
/** @type {Promise<any>} */
let lastEdit = Promise.resolve();
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

const EMPTY = { block: "SequentialPipelineBlocks", blocks: {} };

/** Do one edit after the other: each goes on with what the one before gave.
 * @template T @param {() => Promise<T>} edit @returns {Promise<T>} */
function inTurn(edit) {
  waiting += 1;
  isEditing.value = true;
  const mine = lastEdit.then(edit).finally(() => {
    waiting -= 1;
    isEditing.value = waiting > 0;
  });
  lastEdit = mine.catch(() => {});
  return mine;
}

/** Begin with the blocks of the open workflow, or with none.
 * @param {boolean} [isEmpty] */
export const begin = (isEmpty = false) => inTurn(async () => {
  const from = opened.value.id;
  const { data } = await api.compositionOf(from);
  const { start: _, composition: __, edits: ___, ...rest } = data;
  const tree = /** @type {Block} */ (/** @type {unknown} */ ({ path: "", name: "", blocks: [] }));
  const nothing = { data: { ...rest, composition: EMPTY }, tree, options: {}, faults: [], warnings: [], digest: null };
  const next = isEmpty ? nothing : await looked(data);
  batch(() => {
    begunFrom.value = from;
    take(next, "");
  });
  catalog.value ||= (await api.catalog()).blocks;
}).catch((error) => say(error.message, true));

/** @param {any} data @returns {Promise<Composed>} */
async function looked(data) {
  const found = await api.lookAt(data);
  return { data, tree: found.blocks, options: found.options || {}, faults: found.faults, warnings: found.warnings || [], digest: found.digest };
}

/** Ask what an edit would give, which faults and warnings it would bring, and which inputs it would ask for.
 * @param {Edit} edit @returns {Promise<{next: Composed, faults: string[], warnings: string[], asks: string[]}>} */
export async function tried(edit) {
  const now = /** @type {Composed} */ (composed.value);
  const { first, ...written } = edit;
  const data = first
    ? { ...now.data, composition: { ...EMPTY, blocks: { [first.name]: { block: first.block, ...familyOf() } } } }
    : { ...now.data, edits: [...(now.data.edits || []), written] };
  const next = await looked(data);
  const faults = next.faults.filter((text) => !now.faults.includes(text));
  // What could not be put together has no tree to go on with.
  if (!next.tree) return { next, faults: faults.length ? faults : next.faults, warnings: [], asks: [] };
  const before = needs(now.tree);
  return {
    next, faults, warnings: next.warnings.filter((text) => !now.warnings.includes(text)),
    asks: needs(next.tree).filter((name) => !before.includes(name)),
  };
}

/** @param {Block} tree */
const needs = (tree) => (tree.inputs || []).filter((port) => port.required).map((port) => port.name);

/** An edit as a workflow file has it; `first` puts the first block into an empty composition.
 * @typedef {{first?: {name: string, block: string}, [key: string]: any}} Edit */

/** Return the family of the workflow's blocks, which a first block has no neighbour to know from. */
function familyOf() {
  const family = opened.value.family;
  return family ? { family } : {};
}

/** Take what an edit gave.
 * @param {Composed} next @param {string} [path] what is selected then */
export function take(next, path) {
  batch(() => {
    if (composed.value) before.value = [...before.value.slice(-99), composed.value];
    composed.value = next;
    if (path !== undefined) selected.value = path;
  });
}

/** Apply an edit if it fits, and return its faults.
 * @param {Edit} edit @param {string} [path] what is selected then @returns {Promise<string[]>} */
export const apply = (edit, path) => inTurn(async () => {
  const { next, faults } = await tried(edit);
  if (!faults.length) take(next, path);
  return faults;
}).catch((error) => [error.message]);

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
 * @param {Block} block @param {Place} place @param {string} name @returns {{edit: Edit, path: string}} */
export function putting(block, place, name) {
  const anchor = selected.value;
  if (place === "first") return { edit: { first: { name, block: block.name } }, path: name };
  if (place === "replace") return { edit: { replace: anchor, with: block.name }, path: anchor };
  const head = anchor.slice(0, anchor.lastIndexOf(".") + 1);
  return { edit: { insert: name, block: block.name, [place]: anchor }, path: head + name };
}

/** Return a name for a block that none beside the selected one has.
 * @param {Block} block */
export function freeName(block) {
  const short = block.name.split("/").at(-1) || block.name;
  const plain = short.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();
  const head = selected.value.slice(0, Math.max(0, selected.value.lastIndexOf(".")));
  const around = head && composed.value ? find(composed.value.tree, head) : composed.value?.tree;
  const taken = new Set((around?.blocks || []).map((part) => part.name));
  let name = plain;
  for (let number = 2; taken.has(name); number++) name = `${plain}_${number}`;
  return name;
}
