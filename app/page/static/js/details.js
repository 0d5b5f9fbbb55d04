// A run in a dialog: its images, its recipe, how it is written elsewhere, and what can be done with it.
import * as api from "./api.js";
import { Dialog } from "./dialog.js";
import { addressOf } from "./files.js";
import { follow, isOver, stage } from "./run.js";
import { Players, Save } from "./player.js";
import { endingOf, imagesOf, inputsOfRun, titleOf } from "./run_summary.js";
import { seconds } from "./measures.js";
import { fill, imageField, say, type, view } from "./store.js";
import { classes, html, signal, useEffect, useState } from "./view.js";

const FORMS = /** @type {const} */ ([["workflow.yaml", "Workflow file"], ["python", "Python"], ["shell", "Shell"]]);
/** @type {import("../vendor/signals.mjs").Signal<string>} */
const shown = signal("");

/** @param {string} id */
export function openDetails(id) {
  shown.value = id;
}

export function Details() {
  const [run, setRun] = useState(/** @type {any} */ (null));
  const id = shown.value;
  useEffect(() => {
    setRun(null);
    if (!id) return;
    const isWanted = () => shown.value === id;
    api.run(id).then((found) => isWanted() && setRun(found), (error) => {
      say(error.message, true);
      if (isWanted()) shown.value = "";
    });
  }, [id]);
  if (!id || run?.id !== id) return null;
  return html`<${Dialog} title=${titleOf(run)} name="details" onClose=${() => (shown.value = "")}>
    <div class="details"><div class="details-images">${imagesOf(run).map((image, i) =>
      html`<div><img src=${image.url} alt=${`Image ${i + 1} of the run`} /><div class="row">
        <${Save} run=${run} output=${image} number=${i} what="image" />
        ${imageField.value && endingOf(image) === "png" && html`<button type="button" class="small" onClick=${() => useImage(run.id, image)}>Use as ${imageField.value.label.toLowerCase()}</button>`}</div></div>`)}
      <${Players} run=${run} isSaved /><${Replay} id=${id} /></div>
    <div class="details-text"><${Inputs} run=${run} />
      <div class="row"><button type="button" class="small" id="use-inputs" onClick=${() => use(run)}>Use these inputs</button>
        ${run.sort !== "replay" && html`<button type="button" class="small" id="show-steps" onClick=${() => showSteps(run)}>Show its steps</button>`}</div>
      ${run.sort === "branch"
        ? html`<p class="muted">No file says which steps a branch shares with its run; ${imagesOf(run).length ? "the image has it in its recipe, and " : ""}Replay repeats it.</p>`
        : html`<${Written} id=${id} />`}</div></div>
  <//>`;
}

/** @param {any} run */
function use(run) {
  tellLeft(fill({ ...inputsOfRun(run), ...(run.scheduler && { scheduler: run.scheduler }) }));
  leaveFor("create");
}

/** Give an image to the workflow that is open.
 * @param {string} run @param {import("./run.js").Output} image */
function useImage(run, image) {
  type(/** @type {import("./fields.js").Field} */ (imageField.value).name, { $run: run, output: image.name, index: image.index });
  leaveFor("create");
}

/** Put a run on the stage, where its steps are looked through.
 * @param {any} run */
function showSteps(run) {
  stageRun(run);
  leaveFor("create");
}

/** @param {string} name of a view */
function leaveFor(name) {
  view.value = name;
  shown.value = "";
}

/** Show a run on the stage, of which the server told this.
 * @param {any} run */
export function stageRun(run) {
  stage(run.id, { seed: run.inputs.seed ?? null, workflow: run.workflow, isBranch: run.sort === "branch", position: run.position ?? null });
}

/** Say which inputs the form has no field for.
 * @param {string[]} left */
export const tellLeft = (left) => say(left.length ? `This workflow has no ${left.join(", ")}.` : "The form has its inputs.", left.length > 0);

/** @param {{run: any}} props */
function Inputs({ run }) {
  const rows = Object.entries({ ...inputsOfRun(run), scheduler: run.scheduler, "branched at step": run.at_step }).filter(([, value]) => value !== null && value !== undefined);
  return html`<h3>Recipe</h3><dl class="recipe">
    ${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${shownValue(name, value)}</dd>`)}
    ${run.seconds !== undefined && run.seconds !== null && html`<dt>took</dt><dd>${seconds(run.seconds)}</dd>`}</dl>`;
}

/** @param {string} name @param {any} value */
function shownValue(name, value) {
  const address = addressOf(value);
  if (address) return html`<img class="file-image" src=${address} alt=${name} />`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** @param {{id: string}} props */
function Replay({ id }) {
  const [state, setState] = useState(/** @type {{text: string, isGood?: boolean} | null} */ (null));
  const ask = async () => {
    setState({ text: "Repeating…" });
    try {
      const { id: again } = await api.replay(id);
      follow(again, {}, (run) => {
        if (!isOver(run)) return;
        const same = run.verdict?.same;
        setState(run.state === "finished" ? { text: same ? "same bytes" : "other bytes", isGood: same } : { text: run.message || run.state, isGood: false });
      });
    } catch (error) {
      setState({ text: /** @type {Error} */ (error).message, isGood: false });
    }
  };
  return html`<div class="replay"><button type="button" class="small" id="replay" onClick=${ask}>Replay</button>
    <span role="status">${state && html`<span class=${classes("badge", state.isGood === true && "good", state.isGood === false && "bad")}>${state.text}</span>`}</span></div>`;
}

/** @param {{id: string}} props */
function Written({ id }) {
  const [form, setForm] = useState(/** @type {typeof FORMS[number][0]} */ (FORMS[0][0]));
  const [forms, setForms] = useState(/** @type {Awaited<ReturnType<typeof api.forms>> | null} */ (null));
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    let isWanted = true;
    setForms(null);
    api.forms(id).then((found) => isWanted && setForms(found), (error) => isWanted && say(error.message, true));
    return () => { isWanted = false; };
  }, [id]);
  useEffect(() => setCopied(false), [id, form]);
  const { text = "", fault = null } = forms?.[form] || {};
  const copy = () => navigator.clipboard.writeText(text || "").then(() => setCopied(true), () => say("The browser does not allow copying.", true));
  return html`<div class="written"><div class="row">
      <div class="segments" role="group" aria-label="Written as">${FORMS.map(([name, title]) =>
        html`<button type="button" aria-pressed=${name === form ? "true" : "false"} onClick=${() => setForm(name)}>${title}</button>`)}</div>
      <button type="button" class="small" id="copy" disabled=${!text} onClick=${copy}>${isCopied ? "Copied" : "Copy"}</button></div>
    ${!forms
      ? html`<div class="muted" role="status">Writing it…</div>`
      : fault
      ? html`<p class="muted" role="status">${fault}</p>`
      : html`<pre tabindex="0" role="region" class=${`is-${form}`} aria-label=${`The run as ${form}`}><code>${text}</code></pre>`}</div>`;
}
