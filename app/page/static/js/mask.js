// Draws a mask over an image: a brush, an eraser, undo; the arrow keys move the brush, and Space paints.
import { Dialog } from "./dialog.js";
import { html, signal, useEffect, useRef, useState } from "./view.js";

/** What is painted is shown in a colour that few images have; the mask itself is white on black. */
const TINT = "#d01fb0";

/** @type {import("../vendor/signals.mjs").Signal<{image: string, take: (file: File) => void} | null>} */
const wanted = signal(null);

/** @param {string} image its address @param {(file: File) => void} take what takes the mask, white where it is painted */
export function drawMask(image, take) {
  wanted.value = { image, take };
}

export const MaskDrawing = () => (wanted.value ? html`<${Drawing} ...${wanted.value} />` : null);

/** @param {{image: string, take: (file: File) => void}} props */
function Drawing({ image, take }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const strokes = useRef(/** @type {ImageData[]} */ ([]));
  const brush = useRef({ x: 0.5, y: 0.5, isDown: false });
  const [size, setSize] = useState(16);
  const [isErasing, setErasing] = useState(false);
  const [depth, setDepth] = useState(0);
  const [shape, setShape] = useState(/** @type {[number, number] | null} */ (null));
  const [point, setPoint] = useState({ x: 0.5, y: 0.5 });

  useEffect(() => {
    const loaded = new Image();
    loaded.onload = () => setShape([loaded.naturalWidth, loaded.naturalHeight]);
    loaded.src = image;
  }, [image]);

  const pen = () => /** @type {CanvasRenderingContext2D} */ (canvas.current?.getContext("2d", { willReadFrequently: true }));
  const keep = () => {
    if (!shape) return;
    strokes.current = [...strokes.current.slice(-39), pen().getImageData(0, 0, ...shape)];
    setDepth(strokes.current.length);
  };
  const undo = () => {
    const before = strokes.current.pop();
    if (before) pen().putImageData(before, 0, 0);
    setDepth(strokes.current.length);
  };
  const clear = () => { keep(); shape && pen().clearRect(0, 0, ...shape); };

  /** Paint a line from where the brush was.
   * @param {number} x @param {number} y */
  const paintTo = (x, y) => {
    if (!shape) return;
    const context = pen();
    const scale = Math.max(...shape) / 256; // the brush is as large on a small image as on a large one
    context.globalCompositeOperation = isErasing ? "destination-out" : "source-over";
    context.strokeStyle = TINT;
    context.lineWidth = size * scale;
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
  const finish = async () => {
    const file = await onBlack(/** @type {HTMLCanvasElement} */ (canvas.current));
    wanted.value = null;
    take(file);
  };
  const cursor = { left: `${point.x * 100}%`, top: `${point.y * 100}%`, width: `${(size / 256) * 100}%` };
  return html`<${Dialog} title="Draw a mask" name="mask" onClose=${() => (wanted.value = null)}
    actions=${html`<button type="button" class="quiet" onClick=${() => (wanted.value = null)}>Cancel</button>
      <button type="button" class="primary" id="use-mask" onClick=${finish}>Use this mask</button>`}>
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
      onPointerUp=${() => (brush.current.isDown = false)} onKeyDown=${key}>
      <img src=${image} alt="" />
      ${shape && html`<canvas ref=${canvas} width=${shape[0]} height=${shape[1]}></canvas>`}
      <span class="brush" style=${cursor} aria-hidden="true"></span>
    </div>
    <p class="muted">What is painted is drawn anew. With keys: arrows move the brush, Space lowers and lifts it.</p>
  <//>`;
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
