// Where something begins in a song, such as a stroke or a note: points that a handle may snap to.

import { POINTS_PER_S } from "./join-editor-detail.js";

const BEFORE_POINTS = 6; // 60 ms: what a point is compared with
const LEAST_RISE_DB = 4;
const FLOOR = 0.004; // -48 dBFS: noise below it has no onsets
const APART_POINTS = 8;

// Return the nearest onset within `reach` seconds of `seconds`, or null.
export function nearestOnset(detail, seconds, reach) {
  const from = Math.floor((seconds - reach) * POINTS_PER_S), to = Math.ceil((seconds + reach) * POINTS_PER_S);
  let best = null;
  for (const point of onsets(detail, from, to)) {
    const found = point / POINTS_PER_S;
    if (Math.abs(found - seconds) <= reach && (best === null || Math.abs(found - seconds) < Math.abs(best - seconds))) best = found;
  }
  return best;
}

// Return the points from `from` to `to` at which the outline rises fastest, at least 80 ms apart.
export function onsets(detail, from, to) {
  const first = from - BEFORE_POINTS - APART_POINTS, last = to + APART_POINTS;
  const heights = [];
  for (let point = first; point <= last; point += 1) {
    const [low, high] = detail.extremes(point / POINTS_PER_S + 1e-6, (point + 1) / POINTS_PER_S - 1e-6);
    heights.push(Math.max(-low, high, FLOOR));
  }
  const rises = heights.map((height, place) => {
    const before = heights.slice(Math.max(0, place - BEFORE_POINTS), place);
    if (before.length < BEFORE_POINTS) return 0;
    return 20 * Math.log10(height / Math.max(...before));
  });
  const found = [];
  for (let place = from - first; place <= to - first; place += 1) {
    const around = rises.slice(Math.max(0, place - APART_POINTS), place + APART_POINTS + 1);
    if (rises[place] >= LEAST_RISE_DB && rises[place] === Math.max(...around)) found.push(first + place);
  }
  return found;
}
