// The plan as a drawing: the blocks that would run, and of the staged run what each did.
import { seconds, sized } from "./measures.js";
import { stagedRun } from "./run.js";
import { checked, opened } from "./store.js";
import { layout, names } from "./plan_layout.js";
import { classes, html, signal } from "./view.js";

const WIDTH = 236;
const COLOURS = 6;
const chosen = signal("");

export function Plan() {
  const steps = checked.value?.plan || [];
  const shown = stagedRun();
  const run = shown?.workflow === opened.value?.id ? shown : null; // what another workflow did says nothing of this one's blocks
  if (!steps.length) {
    return html`<section class="plan" aria-label="Plan"><h2>Plan</h2>
      <p class="muted">${checked.value?.faults?.length ? "No plan yet: something is missing or does not fit." : "What would run appears here."}</p></section>`;
  }
  const drawn = layout(steps, WIDTH);
  const step = steps.find((/** @type {any} */ each) => each.path === chosen.value);
  return html`<section class="plan" aria-label="Plan">
    <div class="plan-head"><h2>Plan</h2><p class="muted">${summary(steps)}</p></div>
    <div class="plan-scroll">
      <svg role="group" aria-label="Blocks that run, from top to bottom" width=${drawn.width} height=${drawn.height}
        viewBox=${`0 0 ${drawn.width} ${drawn.height}`}>
        <defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line class="hatch" x1="0" y1="0" x2="0" y2="6" /></pattern></defs>
        ${drawn.frames.map((frame) => html`<g key=${`f${frame.path}`} class=${classes("frame", frame.isLoop && "is-loop")}>
          <rect x=${frame.x} y=${frame.y} width=${frame.width} height=${frame.height} rx="8" />
          ${!frame.isLoop && html`<text x=${frame.x + 10} y=${frame.y + 17}>${frame.title}</text>`}</g>`)}
        ${drawn.wires.map((wire) => html`<${WireLine} key=${`${wire.from}:${wire.name}`} wire=${wire} boxes=${drawn.boxes} />`)}
        ${drawn.boxes.map((box) => html`<${BlockBox} key=${box.path} box=${box} run=${run} />`)}
      </svg>
    </div>
    ${step && html`<${Chosen} step=${step} run=${run} />`}
  </section>`;
}

/** @param {any[]} steps */
function summary(steps) {
  const bytes = checked.value.bytes;
  return `${steps.length} blocks${bytes ? `, ${sized(bytes)} of models` : ""}`;
}

/** @param {{box: import("./plan_layout.js").Box, run: import("./run.js").Run | null}} props */
function BlockBox({ box, run }) {
  const did = run?.blocks[box.path];
  const isNow = run?.state === "running" && (run.running === box.path || run.running.startsWith(`${box.path}.`));
  const state = isNow ? "running" : did?.state || "";
  const choose = () => (chosen.value = chosen.value === box.path ? "" : box.path);
  const last = run?.steps.at(-1);
  const told = box.isLoop && last && last.path === box.path && last.total ? `${last.index + 1}/${last.total}`
    : state === "cached" ? "cached" : tookOf(did, "each");
  const bytes = did?.bytes && !box.isLoop ? sized(did.bytes) : "";
  const middle = box.y + box.height / 2;
  return html`<g class=${classes("block", box.isLoop && "is-loop", state && `is-${state}`, chosen.value === box.path && "is-chosen")}
    data-path=${box.path} role="button" tabindex="0" aria-pressed=${chosen.value === box.path ? "true" : "false"} onClick=${choose}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    }}>
    <title>${box.path}</title>
    <rect class="box" x=${box.x} y=${box.y} width=${box.width} height=${box.height} rx="7" />
    ${state === "cached" && html`<rect x=${box.x} y=${box.y} width=${box.width} height=${box.height} rx="7" fill="url(#hatch)" />`}
    <text x=${box.x + 10} y=${middle + 4}>${shortened(box.title, 20)}${" "}</text>
    <text class="told" x=${box.x + box.width - 8} y=${bytes ? middle - 2 : middle + 4} text-anchor="end">${told}${" "}</text>
    ${bytes && html`<text class="told" x=${box.x + box.width - 8} y=${middle + 11} text-anchor="end">${bytes}</text>`}
  </g>`;
}

/** @param {{wire: import("./plan_layout.js").Wire, boxes: import("./plan_layout.js").Box[]}} props */
function WireLine({ wire, boxes }) {
  const end = (/** @type {string} */ path) => {
    const box = boxes.find((each) => each.path === path);
    return box ? box.x + box.width : 0;
  };
  const d = `M${end(wire.from)} ${wire.y1}H${wire.x}V${wire.y2}${wire.ends.map((y, i) => `M${wire.x} ${y}H${end(wire.to[i])}`).join("")}`;
  const isLit = chosen.value === wire.from || wire.to.includes(chosen.value);
  const colour = [...wire.name].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % COLOURS;
  return html`<path class=${classes("wire", `wire-${colour}`, isLit && "is-lit")} d=${d}><title>${wire.name}</title></path>`;
}

/** @param {{step: any, run: import("./run.js").Run | null}} props */
function Chosen({ step, run }) {
  const did = run?.blocks[step.path];
  const rows = [
    ["reads", names(step.reads).join(", ")], ["writes", names(step.writes).join(", ")], ["uses", names(step.uses).join(", ")],
    ["took", tookOf(did, "each time")], ["gave", did?.bytes ? sized(did.bytes) : ""],
  ];
  return html`<div class="chosen" role="region" aria-label="The chosen block"><h3>${step.path}</h3><dl>
    ${rows.filter(([, text]) => text).map(([title, text]) => html`<dt>${title}</dt><dd>${text}</dd>`)}</dl></div>`;
}

/** Say how long a block took; of one that ran several times, each.
 * @param {import("./run.js").BlockState | undefined} did @param {string} each */
const tookOf = (did, each) => ((did?.count ?? 0) > 1 ? `${seconds(did?.seconds)} ${each}` : seconds(did?.seconds));

/** @param {string} text @param {number} most */
const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
