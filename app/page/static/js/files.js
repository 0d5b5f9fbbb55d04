// Files that a person gives: sent to the server once, named by their content from then on.
import * as api from "./api.js";
import { signal } from "./view.js";

/** Where this page can show a file from, by its name. @type {Map<string, string>} */
const shown = new Map();

/** A dialog that wants the next file pasted or dropped, if any; otherwise the page takes it.
 * @type {import("../vendor/signals.mjs").Signal<((file: File) => void) | null>} */
export const receiver = signal(null);

/** Send a file, and return it as an input.
 * @param {Blob} file @returns {Promise<{$file: string}>} */
export async function send(file) {
  const { file: name } = await api.upload(file);
  if (!shown.has(name)) shown.set(name, URL.createObjectURL(file));
  return { $file: name };
}

/** Return the address at which an input's image can be seen, or "".
 * @param {any} input */
export function addressOf(input) {
  if (input?.$run) return `/api/runs/${encodeURIComponent(input.$run)}/outputs/${input.output}/${input.index}.png`;
  if (input?.$file) return shown.get(input.$file) || `/api/files/${encodeURIComponent(input.$file)}`;
  return "";
}

/** Return the first file of a paste or drop, if there is one.
 * @param {DataTransfer | null} transfer */
export const fileIn = (transfer) => transfer?.files?.[0] || null;
