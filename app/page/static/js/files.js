// Files that a person gives: sent to the server once, named by their content from then on.
import * as api from "./api.js";

/** Send a file, and return it as an input.
 * @param {Blob} file @returns {Promise<{$file: string}>} */
export const send = async (file) => ({ $file: (await api.upload(file)).file });

/** Return the address at which an input's image can be seen, or "".
 * @param {any} input */
export function addressOf(input) {
  if (input?.$run) return api.imageAddress(input.$run, input.output, input.index);
  return input?.$file ? api.fileAddress(input.$file) : "";
}

/** Return the first file of a paste or drop, if there is one.
 * @param {DataTransfer | null} transfer */
export const fileIn = (transfer) => transfer?.files?.[0] || null;
