// The tree of blocks with their ports. Arrow keys move; left and right close and open what has blocks in it.
import { closed, rows, selected } from "./composition.js";
import { classes, html, useRef } from "./view.js";

/** Lead the keyboard to the chosen row, or to the first, once the tree is drawn. */
export const focusTree = () => setTimeout(() => /** @type {HTMLElement | null} */ (document.querySelector('.tree-row[tabindex="0"]'))?.focus());

export function BlockTree() {
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const all = rows.value;
  const at = Math.max(0, all.findIndex(({ block }) => block.path === selected.value));
  const go = (/** @type {number} */ place) => {
    const row = all[Math.min(all.length - 1, Math.max(0, place))];
    if (!row) return;
    selected.value = row.block.path;
    /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector(`[data-path="${row.block.path}"]`))?.focus();
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const row = all[at];
    const isClosed = row && closed.value.has(row.block.path);
    if (event.key === "ArrowDown") go(at + 1);
    else if (event.key === "ArrowUp") go(at - 1);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(all.length - 1);
    else if (event.key === "ArrowRight" && isClosed) toggle(row.block.path);
    else if (event.key === "ArrowRight" && row?.block.blocks) go(at + 1);
    else if (event.key === "ArrowLeft" && row?.block.blocks && !isClosed) toggle(row.block.path);
    else if (event.key === "ArrowLeft" && row?.depth) go(all.findLastIndex(({ depth }, place) => place < at && depth < row.depth));
    else return;
    event.preventDefault();
  };
  if (!all.length) return html`<section class="tree-side" aria-label="Blocks"><p class="tree-empty muted">No block yet. Choose the first one from the catalog.</p></section>`;
  return html`<section class="tree-side" aria-label="Blocks">
    <div class="tree" role="tree" aria-label="Blocks in the order in which they run" ref=${list} onKeyDown=${key}>
      ${all.map(({ block, depth }, place) => html`<${Row} key=${block.path} block=${block} depth=${depth} isChosen=${block.path === selected.value} isReached=${place === at} />`)}
    </div></section>`;
}

/** @param {string} path */
function toggle(path) {
  const next = new Set(closed.value);
  if (!next.delete(path)) next.add(path);
  closed.value = next;
}

/** @param {{block: import("./composition.js").Block, depth: number, isChosen: boolean, isReached: boolean}} props */
function Row({ block, depth, isChosen, isReached }) {
  const isClosed = closed.value.has(block.path);
  const open = block.blocks ? (isClosed ? "false" : "true") : undefined;
  const click = (/** @type {MouseEvent} */ event) => {
    if (/** @type {HTMLElement} */ (event.target).closest(".twist")) return toggle(block.path);
    selected.value = isChosen ? "" : block.path;
  };
  const choose = (/** @type {KeyboardEvent} */ event) => {
    event.preventDefault();
    selected.value = block.path;
  };
  return html`<div class=${classes("tree-row", isChosen && "is-chosen")} role="treeitem" tabindex=${isReached ? "0" : "-1"} data-path=${block.path}
    aria-level=${depth + 1} aria-selected=${isChosen ? "true" : "false"} aria-expanded=${open} onClick=${click}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => ["Enter", " "].includes(event.key) && choose(event)}
    style=${{ paddingLeft: `${12 + 20 * depth}px` }}>
    <span class="twist" aria-hidden="true">${block.blocks ? (isClosed ? "▸" : "▾") : ""}</span>
    <span class="tree-name">${block.name}</span><span class="tree-class">${block.class}</span>
    <span class="tree-ports" aria-hidden="true">${block.outputs.slice(0, 2).map((port) => html`<span class="port out">${port.name}</span>`)}${block.outputs.length > 2 ? html`<span class="port">+${block.outputs.length - 2}</span>` : ""}</span>
  </div>`;
}
