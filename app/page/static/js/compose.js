// The compose view: the tree of blocks, and beside it the chosen block and the catalog.
import * as api from "./api.js";
import { BlockTree } from "./block_tree.js";
import { Chosen } from "./chosen_block.js";
import { begin, begunFrom, canUndo, composed, isEditing, undo } from "./composition.js";
import { open, opened, say, view, workflows } from "./store.js";
import { html, useEffect, useState } from "./view.js";
import { yamlOf } from "./yaml.js";

export function Compose() {
  const name = opened.value?.id;
  const [typedName, setName] = useState("");
  const [isServing, setServing] = useState(false);
  useEffect(() => {
    if (name && !composed.value) begin();
  }, [name]);
  if (!composed.value) return html`<p class="muted" role="status">${isEditing.value || !name ? "Reading the blocks…" : "The blocks of this workflow cannot be read."}</p>`;
  const { faults, digest, data, tree } = composed.value;
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([yamlOf(data)], { type: "application/yaml" }));
    link.download = "workflow.yaml";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const asName = typedName || freeName();
  const run = async () => {
    if (isServing) return;
    setServing(true);
    try {
      await api.serve(asName, data, begunFrom.value);
      workflows.value = await api.listWorkflows();
      await open(asName);
      setName("");
      view.value = "create";
      say(`${asName} is a workflow now.`);
    } catch (error) {
      const { message, faults: said = [] } = /** @type {api.Refusal} */ (error);
      say([message, ...said.map((fault) => fault.text).filter((text) => !message.includes(text))].join(" "), true);
    } finally {
      setServing(false);
    }
  };
  return html`<div class="compose">
    <div class="compose-bar">
      <button type="button" class="small" id="from-workflow" onClick=${() => begin()}>From the workflow</button>
      <button type="button" class="small" id="from-nothing" onClick=${() => begin(true)}>From nothing</button>
      <button type="button" class="small" id="undo-edit" disabled=${!canUndo.value || isEditing.value} onClick=${undo}>Undo</button>
      <p class="muted compose-told" role="status">${count(tree)} blocks${faults.length ? `, ${faults.length} faults` : ""}${digest && html` · <code title="Hash of the composition" id="composition-hash">${digest}</code>`}</p>
      <label for="composition-name" class="muted" title="Of the workflow that Run it makes">Name</label>
      <input id="composition-name" type="text" class="compose-name" value=${asName} autocomplete="off" onInput=${(/** @type {any} */ event) => setName(event.target.value)} />
      <button type="button" class="primary" id="run-composition" disabled=${!count(tree) || faults.length > 0 || isEditing.value} onClick=${run}>Run it</button>
      <button type="button" class="small" id="save-workflow" disabled=${!count(tree) || isEditing.value} onClick=${save}>Save workflow file</button>
    </div>
    ${faults.length > 0 && html`<ul class="compose-faults" aria-live="polite">${faults.slice(0, 6).map((text) => html`<li class="fault">${text}</li>`)}</ul>`}
    <div class="compose-columns"><${BlockTree} /><${Chosen} /></div>
  </div>`;
}

/** A name that no workflow has. */
function freeName() {
  const taken = new Set(workflows.value.map((each) => each.id));
  let number = 1;
  while (taken.has(`composition-${number}`)) number++;
  return `composition-${number}`;
}

/** @param {import("./composition.js").Block} block @returns {number} */
const count = (block) => (block.blocks || []).reduce((sum, part) => sum + 1 + count(part), 0);
