// Videos and sounds of a run, with controls, and what stands for a run where there is little room.
import { endingOf, imagesOf, isVideo, playedOf } from "./run_summary.js";
import { html, useState } from "./view.js";

/** @param {{run: any, isSaved?: boolean}} props isSaved: whether each has a link that saves its file */
export const Players = ({ run, isSaved }) => html`${playedOf(run).map((output, i) => html`<${Player} key=${output.url} run=${run} output=${output} number=${i} isSaved=${isSaved} />`)}`;

/** @param {{run: any, output: import("./run.js").Output, number: number, isSaved?: boolean}} props */
function Player({ run, output, number, isSaved }) {
  const [isRefused, setRefused] = useState(false);
  const what = isVideo(output) ? "video" : "sound";
  const named = { src: output.url, controls: true, preload: "metadata", "aria-label": `${what === "video" ? "Video" : "Sound"} ${number + 1} of the run`, onError: () => setRefused(true) };
  return html`<div class="player">
    ${what === "video" ? html`<video class="drawn" loop playsinline ...${named}></video>` : html`<audio ...${named}></audio>`}
    ${isRefused && html`<p class="muted" role="status">This browser does not play the ${what}. Its file is whole, and can be saved.</p>`}
    ${isSaved && html`<div class="row"><${Save} run=${run} output=${output} number=${number} what=${what} /></div>`}</div>`;
}

/** @param {{run: any, output: import("./run.js").Output, number: number, what: string}} props */
export function Save({ run, output, number, what }) {
  const ending = endingOf(output);
  const told = ending === "png" ? "The image with its recipe in it" : `The ${what} as a .${ending} file`;
  return html`<a class="button small" href=${output.url} download=${`${run.id}-${number}.${ending}`} title=${told} aria-label=${`Save ${what} ${number + 1}`}>Save</a>`;
}

/** The first image of a run, the first frame of its video, or a word for its sound; null where it has none of them.
 * @param {{run: any, alt?: string}} props */
export function Still({ run, alt = "" }) {
  const [image] = imagesOf(run);
  const [played] = playedOf(run);
  if (image) return html`<img src=${image.url} alt=${alt} loading="lazy" />`;
  if (!played) return null;
  const spoken = alt && html`<span class="visually-hidden">${alt}</span>`;
  // Of a video with no controls nothing is read aloud.
  return isVideo(played) ? html`<video src=${played.url} muted playsinline preload="metadata" aria-hidden="true" tabindex="-1"></video>${spoken}`
    : html`<span class="sound-mark" aria-hidden="true">♪</span>${spoken}`;
}

/** @param {any} run */
export const hasStill = (run) => imagesOf(run).length + playedOf(run).length > 0;
