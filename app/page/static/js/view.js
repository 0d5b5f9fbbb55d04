// What every view is written with: templates, hooks and signals, from the vendored libraries.
import { h, render } from "../vendor/preact.mjs";
import htm from "../vendor/htm.mjs";

export { render };
export { useEffect, useRef, useState } from "../vendor/preact_hooks.mjs";
export { batch, computed, effect, signal, useSignal } from "../vendor/signals.mjs";
export const html = htm.bind(h);

/** Join the names of CSS classes, leaving out what does not hold.
 * @param {...(string | false | null | undefined)} names
 * @returns {string} */
export const classes = (...names) => names.filter(Boolean).join(" ");
