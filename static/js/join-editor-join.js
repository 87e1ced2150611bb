// The arithmetic of one join. Seconds of a song count from the start of its file, seconds of the mix from its start.
// A is the song that ends, B the one that begins; A stays where it is in the mix, B moves.

// What each handle changes when it moves by one second to the right, by the style of the join.
const OVERLAPPING = {
  ends: { endsAt: 1, overlap: 1 }, // the right edge of A: more of A is heard, B stays
  begins: { beginsAt: 1, overlap: -1 }, // the left edge of B: less of B is heard, its sound stays
  slide: { overlap: -1 }, // all of B: it begins later
  both: { endsAt: 1 }, // the whole join: A goes on for longer, B begins later
};
const APART = { ends: { endsAt: 1 }, begins: { beginsAt: 1 }, slide: {}, both: { endsAt: 1 } };
const MOVES = { smooth: OVERLAPPING, club: OVERLAPPING, radio: OVERLAPPING, classic: OVERLAPPING, gap: { ...APART, slide: { overlap: -1 } } };
const WHOLE = 0.999; // a fade that takes so much of the overlap always takes all of it

export class Join {
  // values: style, aStart (mix), aFrom, endsAt, aLength (song A), beginsAt, bTo, bLength (song B), overlap (below 0: a
  // pause), gainA, gainB (dB), stretch (how many times as fast B plays in the overlap), falling, rising (gains over the
  // overlap), fadeOut, fadeIn (s), ride ([s from B, dB]), fades of the whole mix: rise ([s, gain]) and fall ([s from the
  // end of B, gain])
  constructor(values) {
    Object.assign(this, values);
    Object.freeze(this);
  }

  with(changes) {
    return new Join({ ...this, ...changes });
  }

  get aEnd() {
    return this.aStart + this.endsAt - this.aFrom;
  }

  get bStart() {
    return this.aEnd - this.overlap;
  }

  get bEnd() {
    return this.bStart + this.bTo - this.beginsAt;
  }

  // How far the clock of a song is ahead of the clock of the mix.
  get aAhead() {
    return this.aFrom - this.aStart;
  }

  get bAhead() {
    return this.beginsAt - this.bStart;
  }

  // The second of B's file that is heard at a second of the mix; in the overlap B may play faster or slower.
  placeInB(seconds) {
    const stretched = Math.max(0, Math.min(seconds - this.bStart, this.overlap));
    return seconds + this.bAhead + stretched * (this.stretch - 1);
  }

  // The second of the mix at which a second of B's file is heard: `placeInB` the other way.
  timeOfB(place) {
    const heard = place - this.bAhead, stretched = Math.max(0, this.overlap) * this.stretch;
    if (heard <= this.bStart) return heard;
    return heard <= this.bStart + stretched ? this.bStart + (heard - this.bStart) / this.stretch : heard - stretched + Math.max(0, this.overlap);
  }

  movesOf(handle) {
    return (MOVES[this.style] ?? APART)[handle];
  }

  // What is set when a handle is let go. The end of A and the overlap go together: one alone might move the other.
  setBy(handle) {
    const moved = Object.keys(this.movesOf(handle));
    return this.movesOf("ends").overlap ? [...new Set([...moved, "endsAt", "overlap"])] : moved;
  }

  // The values after a handle moved by so many seconds, and the words of the limit that stopped it, if one did.
  move(handle, seconds, limits) {
    const effects = this.movesOf(handle);
    let [moved, words] = [seconds, ""];
    for (const [name, sign] of Object.entries(effects)) {
      const wanted = this[name] + sign * moved;
      const { least, most, leastWords, mostWords } = limits[name];
      if (wanted >= least - 1e-6 && wanted <= most + 1e-6) continue;
      const reached = wanted < least ? least : most;
      words = wanted < least ? leastWords : mostWords;
      moved = sign * (reached - this[name]);
    }
    const changes = Object.entries(effects).map(([name, sign]) => [name, round(this[name] + sign * moved)]);
    return { join: this.with(Object.fromEntries(changes)), words };
  }

  // Gain of A at a second of the mix, 0 to 1, without its level.
  gainOfA(seconds) {
    if (seconds < this.aStart || seconds >= this.aEnd) return 0;
    const left = this.aEnd - seconds;
    return left >= this.overlap ? 1 : fade(this.falling, this.fadeOut, this.overlap, 1 - left / this.overlap, true);
  }

  gainOfB(seconds) {
    if (seconds < this.bStart || seconds >= this.bEnd) return 0;
    const gone = seconds - this.bStart;
    return gone >= this.overlap ? 1 : fade(this.rising, this.fadeIn, this.overlap, gone / this.overlap, false);
  }

  // Gain of the whole mix at a second of it: quiet moments are raised, and its beginning and end may be faded.
  mixGain(seconds) {
    const at = seconds - this.bStart, isRidden = this.ride.length && at > this.ride[0][0] && at < this.ride.at(-1)[0];
    const rideDb = isRidden ? interpolate(this.ride, at) : 0;
    return 10 ** (rideDb / 20) * interpolate(this.fades.rise, seconds) * interpolate(this.fades.fall, seconds - this.bEnd);
  }
}

// The gain at a place of the overlap, 0 to 1. The server's points belong to the overlap it planned (`planned`); in
// another one the fade keeps its length, or takes all of it as before.
function fade(curve, length, overlap, place, isLast) {
  const share = Math.min(1, length / curve.overlap); // of the planned overlap
  if (!length || overlap <= 0) return 1;
  const now = share > WHOLE ? 1 : Math.min(1, length / overlap);
  const within = isLast ? 1 - (1 - place) * (share / now) : place * (share / now);
  if (within < 0 || within > 1) return 1;
  const at = within * (curve.points.length - 1);
  const low = Math.floor(at), high = Math.min(low + 1, curve.points.length - 1);
  return curve.points[low] + (curve.points[high] - curve.points[low]) * (at - low);
}

// The value at a place of a line through points, held before the first and after the last; 1 without points.
function interpolate(points, at) {
  const next = points.findIndex(([place]) => place > at);
  if (next <= 0) return (next ? points.at(-1) : points[0])?.[1] ?? 1;
  const [[x0, y0], [x1, y1]] = [points[next - 1], points[next]];
  return y0 + ((y1 - y0) * (at - x0)) / (x1 - x0);
}

function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}
