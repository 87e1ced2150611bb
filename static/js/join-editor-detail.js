// The outline and loudness of one song, fetched minute by minute from an address whose bytes never change.

export const POINTS_PER_S = 100;
export const LEVELS_PER_S = 10;
const BYTES_PER_TENTH = 21; // ten pairs of lowest and highest, one level in half LU below 0
const MINUTE_S = 60;
const KEPT_MINUTES = 12; // of one song, 13 kB each
const FULL_SCALE = 127;
const SILENCE_LUFS = -120;

export class TrackDetail {
  constructor(address, onArrival) {
    this.address = address; // ends with a query, to which the range is added
    this.onArrival = onArrival;
    this.minutes = new Map(); // number of the minute -> {pairs, levels}, or null while it is fetched
  }

  // Fetch what is missing between two seconds of the song.
  want(from, to) {
    for (let minute = Math.max(0, Math.floor(from / MINUTE_S)); minute * MINUTE_S < to; minute += 1) {
      if (!this.minutes.has(minute)) this.fetch(minute);
    }
  }

  async fetch(minute) {
    this.minutes.set(minute, null);
    if (this.minutes.size > KEPT_MINUTES) this.minutes.delete(this.minutes.keys().next().value);
    try {
      const answer = await fetch(`${this.address}&from=${minute * MINUTE_S}&to=${(minute + 1) * MINUTE_S}`);
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      this.minutes.set(minute, split(await answer.arrayBuffer()));
      this.onArrival();
    } catch {
      this.minutes.delete(minute); // asked for again at the next drawing
    }
  }

  // Lowest and highest sample between two seconds, full scale at 1; both 0 where nothing is known.
  extremes(from, to) {
    let [low, high] = [0, 0];
    const end = Math.max(Math.floor(from * POINTS_PER_S) + 1, Math.ceil(to * POINTS_PER_S));
    for (let point = Math.max(0, Math.floor(from * POINTS_PER_S)); point < end; point += 1) {
      const pairs = this.minutes.get(Math.floor(point / (MINUTE_S * POINTS_PER_S)))?.pairs;
      if (!pairs) continue;
      const place = 2 * (point % (MINUTE_S * POINTS_PER_S));
      if (pairs[place] < low) low = pairs[place];
      if (pairs[place + 1] > high) high = pairs[place + 1];
    }
    return [low / FULL_SCALE, high / FULL_SCALE];
  }

  // Momentary loudness at a second of the song, in LUFS, on the line between two tenths.
  level(seconds) {
    const tenth = Math.floor(seconds * LEVELS_PER_S), share = seconds * LEVELS_PER_S - tenth;
    return this.levelOf(tenth) * (1 - share) + this.levelOf(tenth + 1) * share;
  }

  levelOf(tenth) {
    const levels = tenth < 0 ? null : this.minutes.get(Math.floor(tenth / (MINUTE_S * LEVELS_PER_S)))?.levels;
    const steps = levels?.[tenth % (MINUTE_S * LEVELS_PER_S)];
    return steps === undefined ? SILENCE_LUFS : -steps / 2;
  }
}

function split(bytes) {
  const tenths = Math.floor(bytes.byteLength / BYTES_PER_TENTH);
  return {
    pairs: new Int8Array(bytes, 0, tenths * (BYTES_PER_TENTH - 1)),
    levels: new Uint8Array(bytes, tenths * (BYTES_PER_TENTH - 1), tenths),
  };
}
