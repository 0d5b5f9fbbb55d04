// Where the blocks and values of a plan stand in its drawing. Pure functions.

/** @typedef {{path: string, reads?: any, writes?: any, uses?: any}} PlanStep */
/** @typedef {{path: string, title: string, x: number, y: number, width: number, height: number, isLoop: boolean}} Box */
/** @typedef {{name: string, from: string, to: string[], lane: number, y1: number, y2: number, ends: number[], x: number}} Wire */

const ROW = 34, GAP = 8, HEAD = 26, INDENT = 12, LANE = 7;

/** Return names of what a step reads, writes or uses: of "encode: prompt_embeds, t (each iteration)" the two names.
 * @param {any} values @returns {string[]} */
export function names(values) {
  const texts = (values || []).flatMap((/** @type {any} */ each) => String(each.name || each).replace(/^.*: /, "").split(", "));
  return texts.map((/** @type {string} */ text) => text.replace(/ \(.*\)$/, "")).filter(Boolean);
}

/** @param {PlanStep[]} plan @param {number} width of the boxes */
export function layout(plan, width) {
  /** @type {Box[]} */
  const boxes = [];
  const frames = framesOf(plan);
  let y = 4;
  plan.forEach((step, place) => {
    const around = frames.filter((frame) => frame.first <= place && place <= frame.last);
    y += HEAD * around.filter((frame) => frame.first === place && !frame.isLoop).length;
    const frame = frames.find((each) => each.isLoop && each.path === step.path);
    const depth = around.length - (frame ? 1 : 0);
    const x = 4 + INDENT * depth;
    boxes.push({
      path: step.path, title: titleOf(step.path, around), x, y, width: width - 2 * INDENT * depth,
      height: frame ? HEAD : ROW, isLoop: Boolean(frame),
    });
    y += (frame ? HEAD : ROW) + GAP + GAP * around.filter((each) => each.last === place).length;
  });
  const drawn = frames.map((frame) => {
    const [first, last] = [boxes[frame.first], boxes[frame.last]];
    const depth = frames.filter((other) => other !== frame && other.first <= frame.first && other.last >= frame.last).length;
    const heads = frames.filter((other) => !other.isLoop && other.first === frame.first && other.last <= frame.last).length;
    const top = first.y - HEAD * heads;
    const inner = frames.filter((other) => other !== frame && other.last === frame.last && other.first >= frame.first).length;
    const title = titleOf(frame.path, frames.filter((other) => frame.path.startsWith(`${other.path}.`)));
    return { ...frame, title, x: 4 + INDENT * depth, y: top, width: width - 2 * INDENT * depth, height: last.y + last.height + GAP * (1 + inner) - top };
  });
  const wires = wiresOf(plan, boxes, width + 10);
  const lanes = wires.reduce((most, wire) => Math.max(most, wire.lane + 1), 0);
  return { boxes, frames: drawn, wires, width: width + 14 + lanes * LANE, height: y + 4 };
}

/** Return loops, and groups of several steps, by the paths of their steps.
 * @param {PlanStep[]} plan */
function framesOf(plan) {
  /** @type {Map<string, {path: string, first: number, last: number, isLoop: boolean}>} */
  const found = new Map();
  const paths = new Set(plan.map((step) => step.path));
  plan.forEach((step, place) => {
    const parts = step.path.split(".");
    for (let length = 1; length <= parts.length; length++) {
      const path = parts.slice(0, length).join(".");
      const known = found.get(path);
      if (known) known.last = place;
      else found.set(path, { path, first: place, last: place, isLoop: paths.has(path) });
    }
  });
  // Of groups that hold the same steps one is drawn, the innermost, which the loop is.
  const several = [...found.values()].filter((frame) => frame.last > frame.first);
  return several.filter((frame) => !several.some((other) => other.first === frame.first && other.last === frame.last && other.path.length > frame.path.length));
}

/** @param {string} path @param {{path: string, isLoop: boolean}[]} around */
function titleOf(path, around) {
  const inside = around.filter((frame) => frame.path !== path).at(-1);
  return inside ? path.slice(inside.path.length + 1) : path;
}

/** @param {PlanStep[]} plan @param {Box[]} boxes @param {number} left @returns {Wire[]} */
function wiresOf(plan, boxes, left) {
  /** @type {Map<string, {name: string, from: number, to: number[]}>} */
  const open = new Map();
  /** @type {{name: string, from: number, to: number[]}[]} */
  const all = [];
  plan.forEach((step, place) => {
    for (const name of names(step.reads)) open.get(name)?.to.push(place);
    for (const name of names(step.writes)) {
      const wire = { name, from: place, to: [] };
      open.set(name, wire);
      all.push(wire);
    }
  });
  const middle = (/** @type {number} */ place) => boxes[place].y + boxes[place].height / 2;
  // Apart from each other where they leave and enter, else several look like one.
  const apart = (/** @type {number} */ number) => ((number % 5) - 2) * 3.5;
  const used = all.filter((wire) => wire.to.length).map((wire, i) => (
    { ...wire, apart: apart(i), y1: middle(wire.from) + apart(i), y2: middle(Math.max(...wire.to)) + apart(i) }));
  used.sort((a, b) => a.y2 - a.y1 - (b.y2 - b.y1));
  /** @type {[number, number][][]} */
  const lanes = [];
  return used.map((wire) => {
    let lane = lanes.findIndex((spans) => spans.every(([low, high]) => wire.y1 > high || wire.y2 < low));
    if (lane < 0) lane = lanes.push([]) - 1;
    lanes[lane].push([wire.y1, wire.y2]);
    return {
      name: wire.name, from: plan[wire.from].path, to: wire.to.map((place) => plan[place].path), lane,
      y1: wire.y1, y2: wire.y2, ends: wire.to.map((place) => middle(place) + wire.apart), x: left + lane * LANE,
    };
  });
}
