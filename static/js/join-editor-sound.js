// The sound of a join, mixed in the browser: two pieces of songs through the gains of the plan. What the page cannot
// do is left to the server's preview: the limiter, and bass that changes hands.

import { fetchPiece, openCopy } from "./join-editor-piece.js";

const AHEAD_S = 0.03; // between a decision and its sound
const SWAP_S = 0.015; // over which one way of playing gives way to another
const CURVE_POINTS_PER_S = 100;
const AROUND_S = 14; // of a piece before and after the overlap
const FOLLOW_S = 5; // heard after the overlap, at least
const SLACK_S = 0.1;
const LONGEST_PIECE_S = 90;
const KNEE = 0.85; // of full scale: louder samples are rounded instead of cut off

export class JoinSound {
  constructor({ onChange, onFailure }) {
    this.onChange = onChange;
    this.onFailure = onFailure;
    this.copies = { a: null, b: null }; // promises of listening copies
    this.pieces = { a: null, b: null }; // {buffer, from}
    this.heard = { a: true, b: true };
    this.lead = 5; // seconds heard before the overlap
    this.isLooping = false;
    this.presses = 0;
    this.voice = null; // what plays: {sources, out, join, began, from, to}
  }

  // Name where the listening copies come from: functions that return a promise of an address.
  use(side, findAddress) {
    this.copies[side] = null;
    this.pieces[side] = null;
    this.findAddress = { ...this.findAddress, [side]: findAddress };
  }

  get isPlaying() {
    return Boolean(this.voice);
  }

  // The second of the mix that is heard now; null while nothing plays.
  get place() {
    if (!this.voice) return null;
    const { began, from } = this.voice;
    return from + Math.max(0, this.context.currentTime - began);
  }

  // Play a join, from a second of the mix or from some seconds before its overlap.
  async play(join, from = this.windowOf(join)[0]) {
    this.context ??= new AudioContext();
    this.output ??= roundPeaks(this.context);
    const press = (this.presses += 1);
    try {
      await Promise.all([this.context.resume(), this.load("a", join), this.load("b", join)]);
    } catch (error) {
      if (press === this.presses) this.onFailure(error);
      return;
    }
    if (press === this.presses) this.start(join, from);
  }

  // Change what plays, without a pause: heard after AHEAD_S.
  change(join) {
    if (!this.voice) return;
    const from = this.place + AHEAD_S;
    if (["a", "b"].every((side) => this.holds(side, join))) this.start(join, from);
    else this.play(join, from);
  }

  // Hear only some of the songs; at once.
  listenTo(heard) {
    this.heard = heard;
    if (this.voice) this.change(this.voice.join);
  }

  pause() {
    this.presses += 1;
    this.silence(this.voice);
    this.voice = null;
    this.onChange();
  }

  // Forget the pieces: decoded sound takes 23 MB a minute.
  close() {
    this.pause();
    this.pieces = { a: null, b: null };
    this.context?.close();
    this.context = this.output = null;
  }

  windowOf(join) {
    const [start, end] = [Math.min(join.bStart, join.aEnd), Math.max(join.bStart, join.aEnd)];
    return [Math.max(join.aStart, start - this.lead), end + FOLLOW_S];
  }

  holds(side, join) {
    const piece = this.pieces[side], [from, to] = wantedOf(side, join, Math.max(this.lead, FOLLOW_S));
    return Boolean(piece) && from >= piece.from - SLACK_S && to <= piece.from + piece.buffer.duration + SLACK_S;
  }

  // Find the listening copies before they are played, so that the first press is heard sooner.
  prepare() {
    for (const side of ["a", "b"]) this.copyOf(side).catch(() => { this.copies[side] = null; }); // Play asks again, and tells
  }

  copyOf(side) {
    this.copies[side] ??= this.findAddress[side]().then(openCopy);
    return this.copies[side];
  }

  async load(side, join) {
    if (this.holds(side, join)) return;
    const [from, to] = wantedOf(side, join, AROUND_S);
    try {
      this.pieces[side] = await fetchPiece(this.context, await this.copyOf(side), from, to);
    } catch (error) {
      this.copies[side] = null; // it may have been made again since
      throw error;
    }
  }

  start(join, from) {
    const to = Math.max(this.windowOf(join)[1], from + FOLLOW_S);
    const began = this.context.currentTime + AHEAD_S;
    const out = new GainNode(this.context, { gain: 0 });
    out.connect(this.output);
    out.gain.setValueAtTime(0, began);
    out.gain.linearRampToValueAtTime(1, began + SWAP_S);
    const voice = { out, join, began, from, to, sources: [] };
    if (this.heard.a) this.add(voice, this.pieces.a, from + join.aAhead, (t) => join.gainOfA(t), join.gainA);
    if (this.heard.b) {
      const source = this.add(voice, this.pieces.b, join.placeInB(from), (t) => join.gainOfB(t), join.gainB);
      this.changeTempo(source, voice);
    }
    this.silence(this.voice, began);
    this.voice = voice;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.reachEnd(voice), 1000 * (to - from));
    this.onChange();
  }

  // One song: its samples from this place on, through its gain from now to the end.
  add(voice, piece, place, gainAt, levelDb) {
    const { join, began, from, to, out } = voice, length = to - from;
    const offset = place - piece.from; // in the piece; negative when it begins later
    const source = new AudioBufferSourceNode(this.context, { buffer: piece.buffer });
    const gain = new GainNode(this.context, { gain: 0 });
    const points = Math.max(2, Math.ceil(length * CURVE_POINTS_PER_S));
    const curve = new Float32Array(points);
    for (let point = 0; point < points; point += 1) {
      const t = from + (length * point) / (points - 1);
      curve[point] = gainAt(t) * 10 ** (levelDb / 20) * join.mixGain(t);
    }
    gain.gain.setValueCurveAtTime(curve, began, length);
    source.connect(gain).connect(out);
    source.start(began + Math.max(0, -offset), Math.max(0, offset));
    source.stop(began + length);
    voice.sources.push(source);
    return source;
  }

  // Play B as fast as beats ask for while A sounds. The browser moves its pitch too, by half a tone at most.
  changeTempo(source, { join, began, from }) {
    if (join.stretch === 1 || from >= join.aEnd) return;
    source.playbackRate.setValueAtTime(join.stretch, began + Math.max(0, join.bStart - from));
    source.playbackRate.setValueAtTime(1, began + join.aEnd - from);
  }

  silence(voice, at = this.context?.currentTime) {
    if (!voice) return;
    clearTimeout(this.timer);
    voice.out.gain.cancelScheduledValues(at);
    voice.out.gain.setValueAtTime(1, at);
    voice.out.gain.linearRampToValueAtTime(0, at + SWAP_S);
    for (const source of voice.sources) source.stop(at + SWAP_S);
    setTimeout(() => voice.out.disconnect(), 1000 * (AHEAD_S + 2 * SWAP_S) + 50);
  }

  reachEnd(voice) {
    if (voice !== this.voice) return;
    if (this.isLooping) this.start(voice.join, this.windowOf(voice.join)[0]);
    else this.pause();
  }
}

// What is needed of a song: the overlap and some seconds around it, in seconds of the song.
function wantedOf(side, join, around) {
  const start = Math.min(join.bStart, join.aEnd) - around;
  const end = Math.min(start + LONGEST_PIECE_S, Math.max(join.bStart, join.aEnd) + around);
  const [ahead, length] = side === "a" ? [join.aAhead, join.aLength] : [join.bAhead, join.bLength];
  return [Math.min(Math.max(0, start + ahead), length - 1), Math.min(end + ahead, length)];
}

// Samples over full scale are rounded: the finished mix has a limiter there.
function roundPeaks(context) {
  const reach = 4; // 12 dB over full scale
  const curve = Float32Array.from({ length: 4097 }, (_, place) => {
    const value = ((place - 2048) / 2048) * reach, size = Math.abs(value);
    return size <= KNEE ? value : Math.sign(value) * (KNEE + (1 - KNEE) * Math.tanh((size - KNEE) / (1 - KNEE)));
  });
  const lower = new GainNode(context, { gain: 1 / reach });
  const shaper = new WaveShaperNode(context, { curve });
  lower.connect(shaper).connect(context.destination);
  return lower;
}
