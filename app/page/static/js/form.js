// The form of a workflow: its fields in groups, each with its faults.
import { GROUPS, TITLES } from "./fields.js";
import { checked, choose, faults, fields, opened, task, type, typed } from "./store.js";
import { axes, exampleOf, isSweeping, setAxis, startSweep, sweepSize } from "./sweep.js";
import { startRun } from "./run.js";
import { classes, html, useEffect, useState } from "./view.js";
import { Widget } from "./widgets.js";

export function Form() {
  const [isTried, setTried] = useState(false);
  useEffect(() => setTried(false), [opened.value?.id]);
  if (!opened.value) return html`<p class="muted" role="status">Opening the workflow…</p>`;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    setTried(true);
    if (isSweeping.value) startSweep();
    else startRun();
  };
  const clear = () => {
    typed.value = {};
    axes.value = {};
    setTried(false);
  };
  const general = faults.value[""] || [];
  return html`<form class=${classes("form", isSweeping.value && "is-sweeping")} onSubmit=${submit} aria-label="Inputs" novalidate
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => (event.ctrlKey || event.metaKey) && event.key === "Enter" && submit(event)}>
    <${TaskPicker} />
    <div class="groups">${GROUPS.map((group) => html`<${Group} key=${group} group=${group} isTried=${isTried} />`)}</div>
    <div class="run-bar">
      <div class="faults" aria-live="polite">${(isTried ? general : general.filter((text) => !isMissing(text)))
        .map((text) => html`<p class="fault">${text}</p>`)}
        ${(checked.value?.remarks || []).map((/** @type {string} */ text) => html`<p class="warning">${text}</p>`)}</div>
      <div class="run-row">
        <button type="submit" class="primary" id="run">${isSweeping.value ? `Run ${sweepSize.value}` : "Run"}</button>
        <label class="toggle"><input type="checkbox" class="switch" role="switch" id="sweep" checked=${isSweeping.value}
          onChange=${(/** @type {any} */ event) => (isSweeping.value = event.target.checked)} /> Sweep</label>
        <button type="button" class="quiet" onClick=${clear}>Clear</button>
      </div>
    </div>
  </form>`;
}

/** What is missing is no fault before one has tried to run.
 * @param {string} text */
const isMissing = (text) => /\b(missing|needed|required|needs)\b/i.test(text);

function TaskPicker() {
  // Those that only tensors lead to are none that a form could ask for.
  const names = (opened.value.workflows || []).filter((/** @type {string} */ name) => !name.split("+").every((part) => /embeds$|latents$|^default$/.test(part)));
  if (names.length < 2) return null;
  const follows = checked.value?.workflow;
  return html`<div class="field task">
    <label for="task">Task</label>
    <select id="task" value=${task.value} onChange=${(/** @type {any} */ event) => choose(opened.value.id, event.target.value)}>
      <option value="">${follows ? `By what is given: ${spelled(follows)}` : "By what is given"}</option>
      ${names.map((/** @type {string} */ name) => html`<option value=${name}>${spelled(name)}</option>`)}
    </select>
  </div>`;
}

/** @param {string} name */
const spelled = (name) => (name === "default" ? "the usual" : name.replaceAll("_", " ").replaceAll("+", " + "));

/** @param {{group: string, isTried: boolean}} props */
function Group({ group, isTried }) {
  const found = fields.value.filter((field) => field.group === group);
  if (!found.length) return null;
  const title = TITLES[/** @type {keyof typeof TITLES} */ (group)];
  const inside = html`<div class=${classes("fields", `fields-${group}`)}>
    ${found.map((field) => html`<${FormField} key=${field.name} field=${field} isTried=${isTried} />`)}
  </div>`;
  if (group !== "expert") return html`<fieldset class="group"><legend>${title}</legend>${inside}</fieldset>`;
  const count = found.filter((field) => typed.value[field.name] !== undefined || faults.value[field.name]).length;
  return html`<details class="group expert"><summary>${title}${count ? html` <span class="count">${count} given</span>` : ""}</summary>
    ${inside}</details>`;
}

/** @param {{field: import("./fields.js").Field, isTried: boolean}} props */
function FormField({ field, isTried }) {
  const id = `field-${field.name}`;
  const value = typed.value[field.name];
  const axis = axes.value[field.name];
  const all = axis === undefined ? faults.value[field.name] || [] : [];
  const shown = value === undefined && !isTried ? [] : all;
  const mayVary = isSweeping.value && !field.of && ["integer", "number", "choice", "text", "line", "seed"].includes(field.kind);
  return html`<div class=${classes("field", `field-${field.kind}`, field.of && "of-guider", shown.length > 0 && "is-bad")} data-field=${field.name}>
    <div class="label-row">
      <label for=${axis === undefined ? id : `${id}-axis`} title=${field.description}>${field.label}${field.isRequired && html`<span class="required" aria-hidden="true"> *</span>`}</label>
      ${mayVary && html`<label class="vary"><input type="checkbox" checked=${axis !== undefined}
        onChange=${(/** @type {any} */ event) => setAxis(field, event.target.checked ? String(value ?? "") : undefined)}
        aria-label=${`Vary ${field.label}`} /> vary</label>`}
    </div>
    ${axis === undefined
      ? html`<${Widget} field=${field} id=${id} value=${value} describedBy=${`${id}-about`} isBad=${shown.length > 0}
          onChange=${(/** @type {any} */ next) => type(field.name, next)} />`
      : html`<input id=${`${id}-axis`} type="text" class="axis" value=${axis} autocomplete="off"
          placeholder=${exampleOf(field)}
          onInput=${(/** @type {any} */ event) => setAxis(field, event.target.value)} />`}
    <p class="about" id=${`${id}-about`}>${field.description}</p>
    <div aria-live="polite">${shown.map((text) => html`<p class="fault">${text}</p>`)}</div>
  </div>`;
}
