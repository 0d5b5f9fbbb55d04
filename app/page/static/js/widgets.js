// One widget for each kind of field. Each takes the field, its id, what was typed, and what to call with more.
import { randomSeed } from "./fields.js";
import { FileField } from "./file_field.js";
import { html } from "./view.js";

/** @typedef {{field: import("./fields.js").Field, id: string, value: any, describedBy: string, isBad: boolean,
 *   onChange: (value: any) => void}} WidgetProps */

/** @param {WidgetProps} props */
export function Widget(props) {
  const { field, id, value, describedBy, isBad, onChange } = props;
  const typed = (/** @type {any} */ event) => onChange(event.target.value);
  const common = {
    id, name: field.name, "aria-describedby": describedBy, "aria-invalid": isBad ? "true" : undefined,
    "aria-required": field.isRequired ? "true" : undefined,
  };
  switch (field.kind) {
    case "text":
      return html`<textarea ...${common} rows=${field.isRequired ? 3 : 2} value=${Array.isArray(value) ? value.join("\n") : value ?? ""} onInput=${typed}
        placeholder=${shownFallback(field)}></textarea>`;
    case "choice":
      return html`<select ...${common} value=${value === field.fallback ? "" : value ?? ""} onChange=${typed}>
        <option value="">${shownFallback(field) || "as the model says"}</option>
        ${(field.choices || []).filter((choice) => choice !== null && choice !== field.fallback)
          .map((choice) => html`<option value=${choice}>${String(choice)}</option>`)}
      </select>`;
    case "scheduler":
      // One that a program has asked for by another name is none of the choices.
      return html`<select ...${common} value=${value === field.fallback ? "" : value ?? ""} onChange=${typed}>
        <option value="">the workflow's own: ${field.fallback}</option>
        ${[...new Set([...(field.choices || []), ...(value ? [value] : [])])].filter((choice) => choice !== field.fallback)
          .map((choice) => html`<option value=${choice}>${choice}</option>`)}
      </select>`;
    case "guider":
      return html`<select ...${common} value=${value ?? ""} onChange=${typed}>
        <option value="">the workflow's own</option>
        ${(field.choices || []).map((choice) => html`<option value=${choice}>${choice}</option>`)}
      </select>`;
    case "switch":
      return html`<input ...${common} type="checkbox" class="switch" role="switch" checked=${value ?? field.fallback ?? false}
        onChange=${(/** @type {any} */ event) => onChange(event.target.checked)} />`;
    case "integer": case "number":
      return html`<${NumberInput} ...${props} common=${common} />`;
    case "seed":
      return html`<div class="with-button"><input ...${common} type="text" inputmode="numeric" value=${value ?? ""} onInput=${typed}
          placeholder="a new one each time" autocomplete="off" />
        <button type="button" class="small" onClick=${() => onChange(randomSeed())} aria-label="Random seed">Random</button></div>`;
    case "file":
      return html`<${FileField} ...${props} />`;
    case "data":
      return html`<textarea ...${common} class="code" rows="2" value=${value ?? ""} onInput=${typed} placeholder="{ }"></textarea>`;
    default:
      return html`<input ...${common} type="text" value=${value ?? ""} onInput=${typed} placeholder=${shownFallback(field)}
        autocomplete="off" />`;
  }
}

/** Numbers stay text while they are typed, so that "0." is not taken away; the check says what does not fit.
 * @param {WidgetProps & {common: object}} props */
function NumberInput({ field, value, common, onChange }) {
  const input = html`<input ...${common} type="text" inputmode=${field.kind === "integer" ? "numeric" : "decimal"} value=${value ?? ""}
    placeholder=${shownFallback(field)} autocomplete="off"
    onInput=${(/** @type {any} */ event) => onChange(event.target.value)}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
      event.preventDefault();
      onChange(stepped(field, value, event.key === "ArrowUp" ? 1 : -1));
    }} />`;
  return field.unit ? html`<div class="with-unit">${input}<span class="unit">${field.unit}</span></div>` : input;
}

/** Return a number one step on, within what the field allows.
 * @param {import("./fields.js").Field} field @param {any} value @param {1 | -1} direction */
export function stepped(field, value, direction) {
  const isFraction = (field.max ?? Infinity) - (field.min ?? 0) <= 2;
  const step = field.step ?? (isFraction ? 0.05 : 0.5);
  const now = value === undefined || value === "" ? (field.fallback ?? field.min ?? 0) : Number(value) || 0;
  const next = Math.round((now / step + direction) * 1e6) / 1e6;
  const on = Math.round((direction > 0 ? Math.floor(next) : Math.ceil(next)) * step * 1e6) / 1e6;
  return Math.min(field.max ?? Infinity, Math.max(field.min ?? -Infinity, on));
}

/** @param {import("./fields.js").Field} field */
function shownFallback(field) {
  if (field.fallback === null || field.fallback === undefined) return "";
  return Array.isArray(field.fallback) ? field.fallback.join(", ") : String(field.fallback);
}
