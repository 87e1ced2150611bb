// The time axis of the join editor: seconds of the mix to pixels, zoom, and where ticks stand.

import { clock } from "./clock.js";

export const SHORTEST_S = 8;
export const LONGEST_S = 120;
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60];
const ROOM_PX = 64; // between two labelled ticks, at least

export class TimeAxis {
  constructor(first = 0, shown = 20, width = 800) {
    this.first = first; // second of the mix at the left edge
    this.shown = shown;
    this.width = width; // in pixels
  }

  get last() {
    return this.first + this.shown;
  }

  x(seconds) {
    return ((seconds - this.first) / this.shown) * this.width;
  }

  time(x) {
    return this.first + (x / this.width) * this.shown;
  }

  seconds(pixels) {
    return (pixels / this.width) * this.shown;
  }

  // Show `shown` seconds, with the second `kept` staying where it is.
  zoomTo(shown, kept) {
    const share = (kept - this.first) / this.shown;
    this.shown = Math.min(LONGEST_S, Math.max(SHORTEST_S, shown));
    this.first = kept - share * this.shown;
  }

  centreOn(seconds) {
    this.first = seconds - this.shown / 2;
  }

  // Show the seconds from `start` to `end` with as much again around them.
  fit(start, end) {
    this.shown = Math.min(LONGEST_S, Math.max(SHORTEST_S, 16, 2 * (end - start)));
    this.centreOn((start + end) / 2);
  }

  // Ticks at round values of another clock that shows `ahead` seconds more than the mix: {x, label}.
  ticks(ahead = 0, { from = -Infinity, to = Infinity } = {}) {
    const step = STEPS_S.find((wide) => (wide / this.shown) * this.width >= ROOM_PX) ?? STEPS_S.at(-1);
    const begin = Math.ceil(Math.max(this.first + ahead, from) / step - 1e-6);
    const end = Math.floor(Math.min(this.last + ahead, to) / step + 1e-6);
    const ticks = [];
    for (let place = begin; place <= end; place += 1) {
      ticks.push({ x: this.x(place * step - ahead), label: clock(place * step, step < 1 ? 1 : 0) });
    }
    return ticks;
  }
}
