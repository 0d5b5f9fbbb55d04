// Draws a mask over an image: a brush, an eraser, undo; the arrow keys move the brush, and Space paints.
import { Dialog } from "./dialog.js";
import { say } from "./store.js";
import { html, signal, useEffect, useRef, useState } from "./view.js";

/** What is painted is shown in a colour that few images have; the mask itself is white on black. */
const TINT = "#d01fb0";

const KEPT = 2e8; // bytes of what was before the last strokes

/** @typedef {{image: string, before: string, take: (file: File) => void}} Wanted */
/** @type {import("../vendor/signals.mjs").Signal<Wanted | null>} */
const wanted = signal(null);

/** @param {string} image its address @param {string} before that of the mask to begin with, or "" @param {(file: File) => void} take what takes the mask, white where it is painted */
export function drawMask(image, before, take) {
  wanted.value = { image, before, take };
}

export const MaskDrawing = () => (wanted.value ? html`<${Drawing} ...${wanted.value} />` : null);

/** @param {Wanted} props */
function Drawing({ image, before, take }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const strokes = useRef(/** @type {ImageData[]} */ ([]));
  const brush = useRef({ x: 0.5, y: 0.5, isDown: false });
  const [size, setSize] = useState(16);
  const [isErasing, setErasing] = useState(false);
  const [depth, setDepth] = useState(0);
  const [shape, setShape] = useState(/** @type {[number, number] | null} */ (null));
  const [point, setPoint] = useState({ x: 0.5, y: 0.5 });

  useEffect(() => {
    loaded(image).then((found) => setShape([found.naturalWidth, found.naturalHeight]), () => {
      wanted.value = null;
      say("The image is not there any more: give it again.", true);
    });
  }, [image]);
  useEffect(() => {
    // A mask that cannot be read is drawn anew.
    if (shape && before) loaded(before).then((found) => canvas.current && paintMask(pen(), found), () => {});
  }, [shape]);

  const pen = () => /** @type {CanvasRenderingContext2D} */ (canvas.current?.getContext("2d", { willReadFrequently: true }));
  const keep = () => {
    if (!shape) return;
    const most = Math.min(39, Math.floor(KEPT / (4 * shape[0] * shape[1])));
    strokes.current = [...(most ? strokes.current.slice(-most) : []), pen().getImageData(0, 0, ...shape)];
    setDepth(strokes.current.length);
  };
  const undo = () => {
    const last = strokes.current.pop();
    if (last) pen().putImageData(last, 0, 0);
    setDepth(strokes.current.length);
  };
  const clear = () => { keep(); shape && pen().clearRect(0, 0, ...shape); };

  // Of the longer side, so that the brush is as large on a small image as on a large one.
  const width = () => (shape ? (size / 256) * Math.max(...shape) : 0);
  /** Paint a line from where the brush was.
   * @param {number} x @param {number} y */
  const paintTo = (x, y) => {
    if (!shape) return;
    const context = pen();
    context.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
    context.strokeStyle = TINT;
    context.lineWidth = width();
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(brush.current.x * shape[0], brush.current.y * shape[1]);
    context.lineTo(x * shape[0] + 0.01, y * shape[1]); // a line of no length would paint nothing
    context.stroke();
  };
  /** @param {number} x @param {number} y */
  const move = (x, y) => {
    const to = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
    if (brush.current.isDown) paintTo(to.x, to.y);
    Object.assign(brush.current, to);
    setPoint(to);
  };
  const at = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    return /** @type {const} */ ([(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]);
  };
  const down = (/** @type {PointerEvent} */ event) => {
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    brush.current.isDown = false;
    move(...at(event));
    keep();
    brush.current.isDown = true;
    paintTo(brush.current.x, brush.current.y);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const far = event.shiftKey ? 0.1 : 0.02;
    const way = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (way) move(brush.current.x + way[0], brush.current.y + way[1]);
    else if (event.key === " ") {
      if (!brush.current.isDown) keep();
      brush.current.isDown = !brush.current.isDown;
      if (brush.current.isDown) paintTo(brush.current.x, brush.current.y);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else return;
    event.preventDefault();
  };
  const lift = () => { brush.current.isDown = false; };
  const finish = async () => {
    const file = await onBlack(/** @type {HTMLCanvasElement} */ (canvas.current));
    wanted.value = null;
    take(file);
  };
  const cursor = { left: `${point.x * 100}%`, top: `${point.y * 100}%`, width: shape ? `${(100 * width()) / shape[0]}%` : "0" };
  return html`<${Dialog} title="Draw a mask" name="mask" onClose=${() => (wanted.value = null)}
    actions=${html`<button type="button" class="quiet" onClick=${() => (wanted.value = null)}>Cancel</button>
      <button type="button" class="primary" id="use-mask" disabled=${!shape} onClick=${finish}>Use this mask</button>`}>
    <div class="mask-tools">
      <div class="segments" role="group" aria-label="Tool">
        <button type="button" aria-pressed=${isErasing ? "false" : "true"} onClick=${() => setErasing(false)}>Brush</button>
        <button type="button" aria-pressed=${isErasing ? "true" : "false"} onClick=${() => setErasing(true)}>Eraser</button></div>
      <label class="brush-size">Size <input type="range" min="4" max="80" value=${size} onInput=${(/** @type {any} */ event) => setSize(Number(event.target.value))} /></label>
      <button type="button" class="small" id="undo" disabled=${!depth} onClick=${undo}>Undo</button>
      <button type="button" class="small" onClick=${clear}>Clear</button>
    </div>
    <div class="mask-canvas" tabindex="0" role="application" aria-label="Mask over the image. Arrow keys move the brush, Space lowers and lifts it, Control Z takes the last stroke back."
      onPointerDown=${down} onPointerMove=${(/** @type {PointerEvent} */ event) => move(...at(event))}
      onPointerUp=${lift} onPointerCancel=${lift} onKeyDown=${key}>
      <img src=${image} alt="" />
      ${shape && html`<canvas ref=${canvas} width=${shape[0]} height=${shape[1]}></canvas>`}
      <span class="brush" style=${cursor} aria-hidden="true"></span>
    </div>
    <p class="muted">What is painted is drawn anew. With keys: arrows move the brush, Space lowers and lifts it.</p>
  <//>`;
}

/** @param {string} address @returns {Promise<HTMLImageElement>} */
const loaded = (address) => new Promise((give, fail) => {
  const image = new Image();
  image.onload = () => give(image);
  image.onerror = fail;
  image.src = address;
});

/** Paint what is white in a mask.
 * @param {CanvasRenderingContext2D} context @param {HTMLImageElement} mask */
function paintMask(context, mask) {
  const { width, height } = context.canvas;
  context.globalCompositeOperation = "source-over";
  context.drawImage(mask, 0, 0, width, height);
  const drawn = context.getImageData(0, 0, width, height);
  for (let i = 0; i < drawn.data.length; i += 4) drawn.data[i + 3] = drawn.data[i];
  context.putImageData(drawn, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = TINT;
  context.fillRect(0, 0, width, height);
}

/** Return a drawing in white on black, as a file.
 * @param {HTMLCanvasElement} drawing @returns {Promise<File>} */
function onBlack(drawing) {
  const whole = document.createElement("canvas");
  [whole.width, whole.height] = [drawing.width, drawing.height];
  const context = /** @type {CanvasRenderingContext2D} */ (whole.getContext("2d"));
  context.drawImage(drawing, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, whole.width, whole.height);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, whole.width, whole.height);
  return new Promise((give) => whole.toBlob((blob) => give(new File([/** @type {Blob} */ (blob)], "mask.png", { type: "image/png" })), "image/png"));
}
