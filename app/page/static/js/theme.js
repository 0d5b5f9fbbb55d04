// Light, dark, or as the system says; the choice is kept in the browser.
import { html, signal } from "./view.js";

const CHOICES = /** @type {const} */ (["auto", "light", "dark"]);
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };
const KEY = "brickwork-theme";
const chosen = signal(/** @type {typeof CHOICES[number]} */ (CHOICES.find((name) => name === kept()) || "auto"));
apply();

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function apply() {
  if (chosen.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen.value;
}

export function ThemeSwitch() {
  const next = CHOICES[(CHOICES.indexOf(chosen.value) + 1) % CHOICES.length];
  const change = () => {
    chosen.value = next;
    apply();
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // It holds until the page is left.
    }
  };
  return html`<button type="button" class="quiet icon" id="theme" onClick=${change} title=${`Theme: ${chosen.value}`}
    aria-label=${`Theme: ${chosen.value}. Change to ${next}`}>${SIGNS[chosen.value]}</button>`;
}
