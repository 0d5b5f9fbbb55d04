// A dialog over the page: the browser's own, so that focus stays inside, and Escape closes it.
import { html, useEffect, useRef } from "./view.js";

/** @param {{title: string, name: string, onClose: () => void, children?: any, actions?: any}} props */
export function Dialog({ title, name, onClose, children, actions }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    element.current?.showModal();
    return () => before?.focus?.();
  }, []);
  const outside = (/** @type {MouseEvent} */ event) => event.target === element.current && element.current?.close();
  return html`<dialog ref=${element} class=${`dialog dialog-${name}`} aria-labelledby=${`${name}-title`} onClose=${onClose} onClick=${outside}>
    <div class="dialog-inside"><header class="dialog-head"><h2 id=${`${name}-title`}>${title}</h2>
      <button type="button" class="quiet icon" aria-label="Close" onClick=${() => element.current?.close()}>✕</button></header>
    ${children}${actions && html`<footer class="dialog-foot">${actions}</footer>`}</div></dialog>`;
}
