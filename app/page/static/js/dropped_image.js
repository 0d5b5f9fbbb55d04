// An image that is dropped or pasted anywhere: if it has a recipe, its inputs fill the form.
import { Refusal } from "./api.js";
import { tellLeft } from "./details.js";
import { fileIn, send } from "./files.js";
import { guidersOfRecipe } from "./guider_fields.js";
import { inputsOfRecipe, textsOf } from "./png_recipe.js";
import { schedulerOfRecipe } from "./scheduler_field.js";
import { fill, imageField, opened, say, type, view } from "./store.js";

/** Take files that are dropped or pasted on what does not take them itself, from now on. */
export function catchFiles() {
  /** @param {DragEvent} event @param {boolean} isOver */
  const mark = (event, isOver) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    // A field of a file says by itself that it takes the file.
    const isOfField = /** @type {Element} */ (event.target).closest?.(".file");
    document.body.classList.toggle("is-dragged-over", isOver && !isOfField && !isInDialog());
  };
  // Before fields hear of it, which keep what is dropped on them for themselves.
  for (const kind of /** @type {const} */ (["dragover", "dragleave", "drop"])) addEventListener(kind, (event) => mark(event, kind === "dragover"), true);
  addEventListener("drop", (event) => take(fileIn(event.dataTransfer)));
  addEventListener("paste", (event) => {
    // Some programs copy an image of a text beside the text.
    const isText = event.clipboardData?.types.includes("text/plain") && /** @type {Element} */ (event.target).matches?.("input, textarea");
    if (!isText) take(fileIn(event.clipboardData));
  });
}

const isInDialog = () => Boolean(document.querySelector("dialog[open]"));

/** @param {File | null} file */
async function take(file) {
  if (!file || !opened.value || isInDialog()) return;
  try {
    const texts = await textsOf(await file.arrayBuffer());
    if (texts.brickwork) useRecipe(JSON.parse(texts.brickwork));
    else await useImage(file);
  } catch (error) {
    const isRefusal = error instanceof Refusal;
    say(isRefusal ? error.message : `${file.name} cannot be read, or its recipe is damaged.`, true);
  }
}

/** @param {any} recipe */
function useRecipe(recipe) {
  const { inputs, without } = inputsOfRecipe(recipe);
  view.value = "create";
  const left = fill({ ...inputs, ...schedulerOfRecipe(opened.value, recipe), ...guidersOfRecipe(opened.value, recipe) });
  if (without.length) say(`The recipe has only the hash of ${without.join(", ")}: give it again.`, true);
  else tellLeft(left);
}

/** @param {File} file */
async function useImage(file) {
  const field = imageField.value;
  if (!field || !file.type.startsWith("image/")) return say(`${file.name} has no recipe, and this workflow takes no image.`, true);
  type(field.name, await send(file));
  view.value = "create";
  say(`${file.name} has no recipe; it is given as ${field.label}.`);
}
