// An image that is dropped or pasted anywhere: if it has a recipe, its inputs fill the form.
import { tellLeft } from "./details.js";
import { fileIn, send } from "./files.js";
import { guidersOfRecipe } from "./guider_fields.js";
import { inputsOfRecipe, textsOf } from "./png_recipe.js";
import { fields, fill, opened, say, type, view } from "./store.js";

/** Take files that are dropped or pasted on what does not take them itself, from now on. */
export function catchFiles() {
  const dragged = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("is-dragged-over", event.type === "dragover");
  };
  addEventListener("dragover", dragged);
  addEventListener("dragleave", dragged);
  addEventListener("drop", (event) => {
    dragged(event);
    take(fileIn(event.dataTransfer));
  });
  addEventListener("paste", (event) => take(fileIn(event.clipboardData)));
}

/** @param {File | null} file */
async function take(file) {
  if (!file || document.querySelector("dialog[open]")) return;
  const texts = await textsOf(await file.arrayBuffer());
  if (texts.brickwork) {
    const recipe = JSON.parse(texts.brickwork);
    const { inputs, without } = inputsOfRecipe(recipe);
    view.value = "create";
    const left = fill({ ...inputs, ...guidersOfRecipe(opened.value, recipe) });
    if (without.length) say(`The recipe has only the hash of ${without.join(", ")}: give it again.`, true);
    else tellLeft(left);
    return;
  }
  const takes = fields.value.filter((each) => each.role === "image" || each.role === "control");
  const field = takes.find((each) => each.name === "image") || takes[0];
  if (!field || !file.type.startsWith("image/")) return say(`${file.name} has no recipe, and this workflow takes no image.`, true);
  try {
    type(field.name, await send(file));
    say(`${file.name} has no recipe; it is given as ${field.label}.`);
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
  }
}
