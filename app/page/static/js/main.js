// The page: its head, its views, and what works over all of them.
import * as api from "./api.js";
import { watch } from "./check.js";
import { Comparison } from "./compare.js";
import { Compose } from "./compose.js";
import { Details } from "./details.js";
import { catchFiles } from "./dropped_image.js";
import { Form } from "./form.js";
import { Gallery, watchRuns } from "./gallery.js";
import { MaskDrawing } from "./mask.js";
import { Plan } from "./plan.js";
import { Stage } from "./stage.js";
import { choose, notice, open, opened, say, view, VIEWS, workflows } from "./store.js";
import { ThemeSwitch } from "./theme.js";
import { classes, effect, html, render } from "./view.js";

const TITLES = { create: "Create", gallery: "Gallery", compose: "Compose" };

function Page() {
  return html`<a class="skip" href="#main">Skip to the content</a>
    <header class="head">
      <a class="brand" href="#create"><img src="icon.svg" alt="" width="26" height="26" /><span>Brickwork</span></a>
      <nav aria-label="Views">${VIEWS.map((name) => html`<a href=${`#${name}`} aria-current=${view.value === name ? "page" : undefined}>${TITLES[/** @type {keyof typeof TITLES} */ (name)]}</a>`)}</nav>
      <div class="head-end"><${WorkflowPicker} /><${ThemeSwitch} /></div>
    </header>
    <${Notice} />
    <main id="main" class=${`view-${view.value}`} tabindex="-1">
      <h1 class="visually-hidden">${TITLES[/** @type {keyof typeof TITLES} */ (view.value)]}</h1>
      ${view.value === "create" && html`<div class="column column-form"><${Form} /></div>
        <div class="column column-stage"><section aria-label="Result"><${Stage} /></section>
          <section class="recent" aria-label="Recent"><h2>Recent</h2><${Gallery} limit=${12} /></section></div>
        <div class="column column-plan"><${Plan} /></div>`}
      ${view.value === "gallery" && html`<${Gallery} />`}
      ${view.value === "compose" && html`<${Compose} />`}
    </main>
    <${Details} /><${Comparison} /><${MaskDrawing} />`;
}

function WorkflowPicker() {
  if (workflows.value.length < 2) return html`<span class="workflow-title">${opened.value?.title || ""}</span>`;
  return html`<label class="visually-hidden" for="workflow">Workflow</label>
    <select id="workflow" value=${opened.value?.id} onChange=${(/** @type {any} */ event) => choose(event.target.value)}>
      ${workflows.value.map((each) => html`<option value=${each.id}>${each.title || each.id}</option>`)}</select>`;
}

function Notice() {
  const said = notice.value;
  return html`<div class="notices" role="status" aria-live="polite">${said?.text && html`<div class=${classes("notice", said.isBad && "bad")}>
    <span>${said.text}</span><button type="button" class="quiet icon" aria-label="Dismiss" onClick=${() => (notice.value = null)}>✕</button></div>`}</div>`;
}

/** The view is in the address, so that the browser's back button leads to the one before. */
function followAddress() {
  const read = () => {
    const name = location.hash.slice(1);
    if (VIEWS.includes(name)) view.value = name;
  };
  addEventListener("hashchange", read);
  read();
  effect(() => {
    if (location.hash.slice(1) !== view.value && (location.hash || view.value !== "create")) location.hash = view.value;
    document.title = `${TITLES[/** @type {keyof typeof TITLES} */ (view.value)]} · Brickwork`;
  });
}

async function begin() {
  followAddress();
  const root = /** @type {HTMLElement} */ (document.getElementById("page"));
  root.replaceChildren();
  render(html`<${Page} />`, root);
  catchFiles();
  watchRuns();
  watch();
  try {
    workflows.value = await api.listWorkflows();
    if (workflows.value.length) await open(workflows.value[0].id);
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}

begin();
