// Two images over each other with a slider between, videos and sounds beside each other, and what differs between their runs in words.
import * as api from "./api.js";
import { Dialog } from "./dialog.js";
import { Players, Still } from "./player.js";
import { imagesOf, titleOf } from "./run_summary.js";
import { say } from "./store.js";
import { html, signal, useEffect, useState } from "./view.js";

/** @type {import("../vendor/signals.mjs").Signal<[string, string] | null>} */
const pair = signal(null);

/** @param {string} a @param {string} b */
export function openComparison(a, b) {
  pair.value = [a, b];
}

export function Comparison() {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const both = pair.value;
  useEffect(() => {
    setFound(null);
    if (!both) return;
    const show = (/** @type {any} */ said) => pair.value === both && setFound(said);
    Promise.all([api.run(both[0]), api.run(both[1]), api.diff(both[0], both[1])])
      .then(([a, b, difference]) => show({ a, b, difference }), (error) => { pair.value = null; say(error.message, true); });
  }, [both]);
  if (!both || !found) return null;
  const { a, b, difference } = found;
  const lines = difference.differences || difference.text?.split("\n") || [];
  return html`<${Dialog} title=${imagesOf(a).length && imagesOf(b).length ? "Two images" : "Two runs"} name="comparison" onClose=${() => (pair.value = null)}>
    ${imagesOf(a).length && imagesOf(b).length ? html`<${Slider} a=${a} b=${b} />` : html`<div class="compare-played">
      ${[a, b].map((run, i) => html`<section aria-label=${["Left", "Right"][i]}><p class="muted">${["Left", "Right"][i]}: ${titleOf(run)}</p>
        ${imagesOf(run).length > 0 && html`<${Still} run=${run} alt=${titleOf(run)} />`}<${Players} run=${run} /></section>`)}</div>`}
    <h3>What differs, left and right</h3>
    <ul class="differences">${lines.length ? lines.map((/** @type {any} */ line) => html`<li>${line.text || line}</li>`) : html`<li>Nothing: the runs are the same.</li>`}</ul>
  <//>`;
}

/** @param {{a: any, b: any}} props */
function Slider({ a, b }) {
  const [at, setAt] = useState(50);
  return html`<div class="compare">
      <div class="compare-images" style=${{ "--at": `${at}%` }}>
        <img src=${imagesOf(a)[0]?.url} alt=${`Left: ${titleOf(a)}`} /><img class="over" src=${imagesOf(b)[0]?.url} alt=${`Right: ${titleOf(b)}`} />
        <span class="compare-line" aria-hidden="true"></span></div>
      <p class="compare-sides muted" aria-hidden="true"><span>Left: ${titleOf(a)}</span><span>Right: ${titleOf(b)}</span></p>
      <label for="compare-slider" class="visually-hidden">Where the images meet</label>
      <input id="compare-slider" type="range" min="0" max="100" value=${at} onInput=${(/** @type {any} */ event) => setAt(Number(event.target.value))} />
    </div>`;
}
