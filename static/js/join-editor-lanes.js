// The picture of a join on a canvas: a ruler, one lane for each song, and the loudness of both together.

const GHOST = 0.3; // opacity of what is cut away or faded
const BODY_GAIN = 1.5; // draws a sine at 0 LUFS about as tall as its peaks, as in the rows
const TALLEST = 0.92; // of half a lane
const LOUDNESS_LU = [-20, 8]; // range of the strip, around the louder song
const BEAT_PX = 4; // height of the mark of a beat; one that begins a bar is twice as tall
const APART_PX = 5; // marks that stand closer are left out
const FONT = "500 11px system-ui, sans-serif";
const COLOURS = ["card", "paper", "ink", "soft", "line", "edge", "sun", "sun-ink", "tape", "tape-faint", "sea", "sea-faint"];

// Heights of the parts in pixels, for a stage of this height.
export function layOut(height) {
  const ruler = 20, loudness = height < 200 ? 26 : 46;
  const lane = Math.floor((height - ruler - loudness) / 2);
  return { ruler, lane, a: ruler, b: ruler + lane, loudness: ruler + 2 * lane, height };
}

// The page's colours as the canvas understands them; `probe` is an element that nobody sees.
export function readColours(probe) {
  const colours = {};
  for (const name of COLOURS) {
    probe.style.color = `var(--${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  return colours;
}

// How much a song is enlarged so that its loudest moment between two seconds fills its lane.
export function enlargement(detail, from, to) {
  let highest = 0.02;
  for (let second = from; second < to; second += 1) {
    const [low, high] = detail.extremes(second, second + 1);
    highest = Math.max(highest, -low, high);
  }
  return 1 / highest;
}

export class Lanes {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  // view: {axis, join, layout, colours, inks: [a, b], songs: {a, b} of {detail, length, enlarged, usualDb, lufs}}
  draw(view) {
    const { axis, layout, colours } = view, pen = this.pen;
    const ratio = window.devicePixelRatio || 1;
    const [wide, high] = [Math.round(axis.width * ratio), Math.round(layout.height * ratio)];
    if (this.canvas.width !== wide || this.canvas.height !== high) Object.assign(this.canvas, { width: wide, height: high });
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, axis.width, layout.height);
    pen.font = FONT;
    this.shadeOverlap(view);
    this.lane(view, "a");
    this.lane(view, "b");
    this.loudness(view);
    this.ruler(view);
    pen.fillStyle = colours.line;
    for (const y of [layout.a, layout.b, layout.loudness]) pen.fillRect(0, y, axis.width, 1);
  }

  shadeOverlap({ axis, join, layout, colours }) {
    const [left, right] = [axis.x(join.bStart), axis.x(join.aEnd)];
    this.pen.globalAlpha = 0.2;
    this.pen.fillStyle = join.overlap > 0 ? colours.sun : colours.edge;
    this.pen.fillRect(Math.min(left, right), layout.a, Math.max(1, Math.abs(right - left)), 2 * layout.lane);
    this.pen.globalAlpha = 1;
  }

  lane(view, side) {
    const { axis, join, layout, colours, songs } = view, song = songs[side], pen = this.pen;
    const ink = view.inks[side === "a" ? 0 : 1];
    const top = layout[side], middle = top + layout.lane / 2, tall = (layout.lane / 2) * TALLEST;
    const ahead = side === "a" ? join.aAhead : join.bAhead;
    const place = side === "a" ? (t) => t + ahead : (t) => join.placeInB(t);
    const gainDb = (side === "a" ? join.gainA : join.gainB) - song.usualDb;
    const scale = song.enlarged * 10 ** (gainDb / 20) * tall;
    const gain = side === "a" ? (t) => join.gainOfA(t) : (t) => join.gainOfB(t);
    const [ghost, peaks, body] = [new Path2D(), new Path2D(), new Path2D()];
    const first = Math.max(0, Math.floor(axis.x(-ahead))), last = Math.min(axis.width, Math.ceil(axis.x(song.length - ahead)));
    for (let x = first; x < last; x += 1) {
      const [from, to] = [axis.time(x), axis.time(x + 1)];
      const [low, high] = song.detail.extremes(place(from), place(to));
      const heard = gain((from + to) / 2);
      column(ghost, x, middle, low * scale, high * scale, tall);
      if (!heard) continue;
      column(peaks, x, middle, low * scale * heard, high * scale * heard, tall);
      const loud = BODY_GAIN * 10 ** (song.detail.level(place(from)) / 20);
      column(body, x, middle, Math.max(low, -loud) * scale * heard, Math.min(high, loud) * scale * heard, tall);
    }
    pen.fillStyle = colours[`${ink}-faint`];
    pen.globalAlpha = GHOST;
    pen.fill(ghost);
    pen.globalAlpha = 1;
    pen.fill(peaks);
    pen.fillStyle = colours[ink];
    pen.fill(body);
    this.curve(view, side, gain);
    this.beats(view, song.beats, side === "a" ? (at) => at - ahead : (at) => join.timeOfB(at), top);
    this.times(axis.ticks(ahead, { from: 0, to: song.length }), top + layout.lane - 4, colours);
  }

  // Marks at the top of a lane; `timeOf` gives the second of the mix at which a place of the file is heard.
  beats({ axis, colours }, beats, timeOf, top) {
    const isClose = beats.places.length < 2 || axis.x(beats.places[1]) - axis.x(beats.places[0]) < APART_PX;
    this.pen.fillStyle = colours.edge;
    for (const place of beats.places) {
      const x = axis.x(timeOf(place)), isBar = beats.bars.has(place);
      if (x < 0 || x > axis.width || (isClose && !isBar)) continue;
      this.pen.fillRect(Math.round(x), top + 1, 1, isBar ? 2 * BEAT_PX : BEAT_PX);
    }
  }

  curve({ axis, join, layout, colours }, side, gain) {
    const pen = this.pen, top = layout[side] + 5, tall = layout.lane - 10;
    const [left, right] = [axis.x(Math.min(join.bStart, join.aEnd)), axis.x(Math.max(join.bStart, join.aEnd))];
    const steps = Math.max(2, Math.ceil((right - left) / 3));
    pen.beginPath();
    for (let step = 0; step <= steps; step += 1) {
      const x = left + ((right - left) * step) / steps;
      const inside = step === 0 ? 1e-4 : step === steps ? -1e-4 : 0;
      pen.lineTo(x, top + tall * (1 - gain(axis.time(x) + inside)));
    }
    pen.strokeStyle = colours["sun-ink"];
    pen.lineWidth = 2;
    pen.lineJoin = "round";
    pen.stroke();
    this.edge(side === "a" ? axis.x(join.aEnd) : axis.x(join.bStart), layout[side], layout.lane, colours);
  }

  edge(x, top, height, colours) {
    this.pen.fillStyle = colours.ink;
    this.pen.fillRect(Math.round(x) - 0.75, top + 1, 1.5, height - 1);
  }

  times(ticks, y, colours) {
    this.pen.textAlign = "left";
    for (const { x, label } of ticks) {
      this.pen.fillStyle = colours.edge;
      this.pen.fillRect(Math.round(x), y - 3, 1, 6);
      this.pen.fillStyle = colours.soft;
      this.pen.fillText(label, Math.round(x) + 4, y + 1);
    }
  }

  ruler({ axis, layout, colours }) {
    this.pen.textAlign = "left";
    for (const { x, label } of axis.ticks(0, { from: 0 })) {
      this.pen.fillStyle = colours.edge;
      this.pen.fillRect(Math.round(x), layout.ruler - 7, 1, 7);
      this.pen.fillStyle = colours.ink;
      this.pen.fillText(label, Math.round(x) + 4, layout.ruler - 6);
    }
  }

  loudness(view) {
    const { axis, join, layout, colours, songs } = view, pen = this.pen;
    const top = layout.loudness, tall = layout.height - top;
    const line = Math.max(songs.a.lufs + join.gainA, songs.b.lufs + join.gainB);
    const y = (lufs) => top + tall * (1 - Math.min(1, Math.max(0, (lufs - line - LOUDNESS_LU[0]) / (LOUDNESS_LU[1] - LOUDNESS_LU[0]))));
    pen.setLineDash([2, 4]);
    pen.strokeStyle = colours.edge;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(0, y(line));
    pen.lineTo(axis.width, y(line));
    pen.stroke();
    pen.setLineDash([]);
    const sum = new Path2D();
    for (let x = 0; x <= axis.width; x += 2) sum.lineTo(x, y(loudnessOf(join, songs, axis.time(x))));
    const area = new Path2D(sum);
    area.lineTo(axis.width, top + tall);
    area.lineTo(0, top + tall);
    pen.globalAlpha = 0.12;
    pen.fillStyle = colours.ink;
    pen.fill(area);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.stroke(sum);
  }
}

// Loudness of both songs together at a second of the mix, in LUFS: powers of different songs add.
export function loudnessOf(join, songs, seconds) {
  const a = 10 ** ((songs.a.detail.level(seconds + join.aAhead) + join.gainA) / 10) * join.gainOfA(seconds) ** 2;
  const b = 10 ** ((songs.b.detail.level(join.placeInB(seconds)) + join.gainB) / 10) * join.gainOfB(seconds) ** 2;
  return 10 * Math.log10((a + b) * join.mixGain(seconds) ** 2 + 1e-12);
}

function column(path, x, middle, low, high, tall) {
  const top = Math.min(tall, Math.max(high, 0.5)), bottom = Math.max(-tall, Math.min(low, -0.5));
  path.rect(x, middle - top, 1, top - bottom);
}
