// Listens to runs, to few at a time: a browser has six connections to a server, and what is asked needs some of them.
import * as api from "./api.js";

const MOST = 3;

/** @typedef {{run: string, tell: (kind: string, data: any) => void, after: string, stop: (() => void) | null}} Listener */
/** Those of which the events come, and behind them those that wait. @type {Listener[]} */
let all = [];

/** Listen to a run from its first event to its last one.
 * @param {string} run @param {(kind: string, data: any) => void} tell @param {boolean} isFirst before the others */
export function listen(run, tell, isFirst) {
  const one = { run, tell, after: "", stop: null };
  all = isFirst ? [one, ...all] : [...all, one];
  settle();
}

/** Listen to a run before the others. @param {string} run */
export function prefer(run) {
  all = [...all.filter((each) => each.run === run), ...all.filter((each) => each.run !== run)];
  settle();
}

/** Let go of what stands behind the first ones, and go on with these after the last event that they had. */
function settle() {
  // Tabs that nobody looks at would take the connections of the one that is looked at.
  const wanted = document.hidden ? [] : all.slice(0, MOST);
  for (const each of all) {
    if (wanted.includes(each)) continue;
    each.stop?.();
    each.stop = null;
  }
  for (const each of wanted) each.stop ??= api.listen(each.run, each.after, (kind, data, number) => heard(each, kind, data, number));
}

/** @param {Listener} one @param {string} kind @param {any} data @param {string} number */
function heard(one, kind, data, number) {
  one.after = number || one.after;
  if (api.LAST.includes(kind)) all = all.filter((each) => each !== one);
  one.tell(kind, data);
  if (api.LAST.includes(kind)) settle();
}

addEventListener("visibilitychange", settle);
