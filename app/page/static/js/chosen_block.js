// The chosen block: its ports and options, and the catalog of blocks that can be put in its place or beside it.
import { focusTree } from "./block_tree.js";
import { apply, catalog, composed, current, freeName, isEditing, putting, selected, take, tried } from "./composition.js";
import { choicesOf } from "./fields.js";
import { say } from "./store.js";
import { classes, html, signal, useEffect, useState } from "./view.js";

const PLACES = /** @type {const} */ ([["replace", "Replace"], ["before", "Insert before"], ["after", "Insert after"]]);
const SHOWN = 60;
/** What is searched in the catalog; it stays while one chooses where the block shall stand. */
const word = signal("");

export function Chosen() {
  const block = current.value;
  const isEmpty = !composed.value?.tree.blocks?.length;
  return html`<section class="chosen-side" aria-label="The chosen block">
    ${block && html`<${About} block=${block} />`}
    ${block || isEmpty ? html`<${Catalog} key=${selected.value} isFirst=${isEmpty} />` : html`<p class="muted">Choose a block to see its ports and options, or to put another one there.</p>`}
  </section>`;
}

/** @param {{block: import("./composition.js").Block}} props */
function About({ block }) {
  const options = Object.entries(block.options || {});
  const remove = async () => {
    const faults = await apply({ remove: block.path }, "");
    if (faults.length) say(faults.join(" "), true);
    else focusTree();
  };
  return html`<div class="about-block">
    <div class="row about-head"><h2>${block.path}</h2><button type="button" class="small" id="remove-block" onClick=${remove}>Remove</button></div>
    <p class="muted">${block.class}${block.description ? `: ${block.description}` : ""}</p>
    <${Ports} title="Reads" ports=${block.inputs} kind="in" /><${Ports} title="Writes" ports=${block.outputs} kind="out" />
    ${block.components.length > 0 && html`<p class="uses"><span class="muted">Uses</span> ${block.components.map((each) => each.name).join(", ")}</p>`}
    ${options.length > 0 && html`<h3>Options</h3><div class="options">${options.map(([name, value]) =>
      html`<${Option} key=${`${block.path}.${name}`} path=${block.path} name=${name} value=${value} />`)}</div>`}
  </div>`;
}

/** @param {{title: string, ports: import("./composition.js").BlockPort[], kind: string}} props */
function Ports({ title, ports, kind }) {
  if (!ports.length) return null;
  return html`<div class="ports"><span class="muted">${title}</span><ul>${ports.map((port) =>
    html`<li class=${`port ${kind}`} title=${port.description || ""}>${port.name}${port.required ? "" : kind === "in" ? "?" : ""}${port.type ? html` <span class="port-type">${port.type}</span>` : ""}</li>`)}</ul></div>`;
}

/** @param {{path: string, name: string, value: any}} props */
function Option({ path, name, value }) {
  const [faults, setFaults] = useState(/** @type {string[]} */ ([]));
  const [typed, setTyped] = useState(/** @type {string | null} */ (null)); // what does not fit stays, to be mended
  const id = `option-${path}-${name}`;
  const schema = composed.value?.options[path]?.[name] || {};
  const change = async (/** @type {any} */ next, /** @type {string | null} */ text = null) => {
    setTyped(text);
    const found = await apply({ options: path, set: { [name]: next } });
    setFaults(found);
    if (!found.length) setTyped(null);
  };
  const about = { id, "aria-invalid": faults.length ? "true" : undefined, "aria-describedby": `${id}-about` };
  return html`<div class="option"><label for=${id}>${name}</label>${optionInput(about, typed ?? value, choicesOf(schema), change)}
    <div class="option-about" id=${`${id}-about`}>${schema.description && html`<p class="muted">${schema.description}</p>`}
      <div aria-live="polite">${faults.map((text) => html`<p class="fault">${text}</p>`)}</div></div></div>`;
}

/** @param {object} about @param {any} value @param {any[] | undefined} choices @param {(value: any, text?: string) => void} change */
function optionInput(about, value, choices, change) {
  if (typeof value === "boolean") return html`<input ...${about} type="checkbox" class="switch" role="switch" checked=${value} onChange=${(/** @type {any} */ event) => change(event.target.checked)} />`;
  if (choices?.some((choice) => choice === value)) {
    return html`<select ...${about} value=${JSON.stringify(value)} onChange=${(/** @type {any} */ event) => change(JSON.parse(event.target.value))}>
      ${choices.map((choice) => html`<option value=${JSON.stringify(choice)}>${choice === null ? "none" : String(choice)}</option>`)}</select>`;
  }
  return html`<input ...${about} type="text" value=${value === null ? "null" : Array.isArray(value) ? JSON.stringify(value) : String(value)}
    onChange=${(/** @type {any} */ event) => change(parsed(event.target.value), event.target.value)} />`;
}

/** What was typed as data: a number, a list, true, null, or else a text.
 * @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {{isFirst: boolean}} props */
function Catalog({ isFirst }) {
  const [place, setPlace] = useState(/** @type {import("./composition.js").Place} */ (isFirst ? "first" : "after"));
  const [candidate, setCandidate] = useState(/** @type {import("./composition.js").Block | null} */ (null));
  const found = (catalog.value || []).filter((each) => `${each.name} ${each.description || ""}`.toLowerCase().includes(word.value.trim().toLowerCase()));
  return html`<div class="catalog">
    <h3>${isFirst ? "The first block" : "Put a block"}</h3>
    ${!isFirst && html`<div class="segments" role="group" aria-label="Where">${PLACES.map(([name, title]) =>
      html`<button type="button" aria-pressed=${name === place ? "true" : "false"} onClick=${() => setPlace(name)}>${title}</button>`)}</div>`}
    <label class="visually-hidden" for="catalog-word">Search the catalog</label>
    <input id="catalog-word" type="text" placeholder="Search blocks" autocomplete="off" value=${word.value} onInput=${(/** @type {any} */ event) => (word.value = event.target.value)} />
    <ul class="catalog-list" aria-label="Catalog">${found.slice(0, SHOWN).map((each) => html`<li key=${each.name}>
      <button type="button" class=${classes("candidate", candidate?.name === each.name && "is-chosen")} data-block=${each.name} aria-pressed=${candidate?.name === each.name ? "true" : "false"} onClick=${() => setCandidate(each)}>
        <span class="candidate-name">${each.name}</span><span class="candidate-about">${each.description}</span></button></li>`)}
      ${found.length > SHOWN && html`<li class="muted">${found.length - SHOWN} more: search for a word.</li>`}
      ${catalog.value && !found.length && html`<li class="muted">No block has this in its name or description.</li>`}</ul>
    ${candidate && html`<${Candidate} key=${`${candidate.name} ${place}`} block=${candidate} place=${place} />`}
  </div>`;
}

/** A block before it is put: tried on the server, so that what does not fit cannot be put.
 * @param {{block: import("./composition.js").Block, place: import("./composition.js").Place}} props */
function Candidate({ block, place }) {
  const [name, setName] = useState(freeName(block));
  const [result, setResult] = useState(/** @type {{next?: import("./composition.js").Composed, faults: string[], warnings?: string[], asks?: string[]} | null} */ (null));
  const data = composed.value?.data;
  useEffect(() => {
    let isWanted = true;
    setResult(null);
    tried(putting(block, place, name).edit).then(
      (found) => isWanted && setResult(found),
      (error) => isWanted && setResult({ faults: [error.message] }),
    );
    return () => { isWanted = false; };
  }, [block, place, name, data]);
  const fits = result?.next && !result.faults.length;
  const put = () => {
    if (!result?.next) return;
    take(result.next, putting(block, place, name).path);
    word.value = "";
    focusTree();
  };
  return html`<div class="candidate-box">
    <${Ports} title="Reads" ports=${block.inputs} kind="in" /><${Ports} title="Writes" ports=${block.outputs} kind="out" />
    ${place !== "replace" && html`<div class="option"><label for="block-name">Name</label><input id="block-name" type="text" value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} /></div>`}
    <div aria-live="polite">${!result && html`<p class="muted">Trying it…</p>`}${result?.faults?.map((text) => html`<p class="fault">${text}</p>`)}${fits && html`<p class="fits">It fits${result.asks?.length ? `, and asks for ${result.asks.join(", ")}` : ""}.</p>`}
      ${fits && result.warnings?.map((text) => html`<p class="warning">${text}</p>`)}</div>
    <button type="button" class="primary" id="put-block" disabled=${!fits || isEditing.value} onClick=${put}>${place === "replace" ? "Replace" : "Insert"}</button>
  </div>`;
}
