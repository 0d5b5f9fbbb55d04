// The widget of an image, mask or control image: chosen, dropped, pasted, taken from a run, or drawn.
import { addressOf, fileIn, send } from "./files.js";
import { drawMask } from "./mask.js";
import { fields, say, typed } from "./store.js";
import { classes, html, useRef, useState } from "./view.js";

/** @param {{field: import("./fields.js").Field, id: string, value: any, describedBy: string,
 *   onChange: (value: any) => void}} props */
export function FileField({ field, id, value, describedBy, onChange }) {
  const [isOver, setOver] = useState(false);
  const [isSending, setSending] = useState(false);
  const newest = useRef(0);
  const isImage = field.role !== "latents" && field.role !== "embeds";

  /** @param {File | null} file */
  const take = async (file) => {
    if (!file) return;
    const mine = (newest.current += 1);
    setSending(true);
    try {
      const sent = await send(file);
      if (mine === newest.current) onChange(sent);
    } catch (error) {
      say(`${field.label}: ${/** @type {Error} */ (error).message}`, true);
    } finally {
      setSending(false);
    }
  };
  const over = (/** @type {boolean} */ is) => (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(is);
  };
  const drop = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    take(fileIn(event.dataTransfer));
  };
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const file = fileIn(event.clipboardData);
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    take(file);
  };
  const base = field.role === "mask" ? imageToMask() : null;
  return html`<div
    class=${classes("file", isOver && "is-over", value && "has-file")}
    onDragOver=${over(true)} onDragLeave=${over(false)} onDrop=${drop} onPaste=${paste}
  >
    ${value && isImage && html`<img class="file-image" src=${addressOf(value)} alt=${`${field.label}, as given`} />`}
    ${value && !isImage && html`<span class="file-name">${value.$file?.slice(0, 19)}…</span>`}
    <div class="file-actions">
      <label class="button small" tabindex="-1">
        <input id=${id} class="file-input" type="file" accept=${field.accept} aria-describedby=${describedBy}
          onChange=${(/** @type {any} */ event) => { take(event.target.files[0]); event.target.value = ""; }} />
        ${isSending ? "Sending…" : value ? "Replace" : "Choose a file"}
      </label>
      ${field.role === "mask" &&
      html`<button type="button" class="small" disabled=${!base} title=${base ? "" : "Give an image first"}
        onClick=${() => drawMask(addressOf(base), addressOf(value), take)}>Draw</button>`}
      ${value && html`<button type="button" class="small quiet" onClick=${() => onChange(undefined)}
        aria-label=${`Remove ${field.label}`}>Remove</button>`}
      ${!value && html`<span class="file-hint">or drop, or paste</span>`}
    </div>
  </div>`;
}

/** Return the image that a mask is drawn over: the one that is drawn anew, and not one that is only looked at. */
function imageToMask() {
  const given = fields.value.filter((each) => each.role === "image" && typed.value[each.name]);
  const field = given.find((each) => each.name === "image") || given[0];
  return field ? typed.value[field.name] : null;
}
