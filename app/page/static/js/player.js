// Videos and sounds of a run, with controls.
import { playedOf } from "./run_summary.js";
import { html } from "./view.js";

/** @param {{run: any}} props */
export const Players = ({ run }) => html`${playedOf(run).map((output, i) => output.url.endsWith(".mp4")
  ? html`<video class="drawn" src=${output.url} controls loop aria-label=${`Video ${i + 1} of the run`}></video>`
  : html`<audio src=${output.url} controls aria-label=${`Sound ${i + 1} of the run`}></audio>`)}`;
