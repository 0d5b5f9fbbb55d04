import { html } from "./view.js";
export const Compose = () => html`<p>Compose</p>`;
