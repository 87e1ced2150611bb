// <join-editor>: the picture of one join to work in. It draws the plan that the form's page carries, changes it under
// the pointer, and writes what was changed into the form, which saves it as it does without this script.

import { clock } from "./clock.js";
import { LONGEST_S, SHORTEST_S, TimeAxis } from "./join-editor-axis.js";
import { TrackDetail } from "./join-editor-detail.js";
import { Handles } from "./join-editor-handles.js";
import { Lanes, enlargement, layOut, readColours } from "./join-editor-lanes.js";
import { nearestOnset } from "./join-editor-onsets.js";
import { readPlan, writeForm } from "./join-editor-form.js";
import { JoinSound } from "./join-editor-sound.js";
import { Surface } from "./join-editor-surface.js";
import { findSound } from "./listening-copy.js";

const MARKS = { ends: "endsAt", begins: "beginsAt", slide: "overlap", gain_a: "gainA", gain_b: "gainB" }; // set by hand
const ZOOM = 1.5; // of a press of a button or key
const LEVEL_DB = [-12, 6]; // reach of the level handles around the automatic level
const SNAP_PX = 7;
const SNAP_S = [0.06, 0.25]; // reach of a snap, at least and at most
const STEADY_S = 60; // around the join, from which the height of a lane is taken
const SNAP_KEY = "mixtape-join-snap";
const LEAD_KEY = "mixtape-join-lead"; // seconds heard before a join

class JoinEditor extends HTMLElement {
  connectedCallback() {
    this.leaving = new AbortController();
    this.stage = this.querySelector(".join-stage");
    this.lanes = new Lanes(this.querySelector("canvas"));
    this.head = this.querySelector(".join-playhead");
    this.axis = new TimeAxis();
    this.songs = { a: {}, b: {} };
    this.handles = new Handles(this.stage, {
      begin: (name) => this.begin(name),
      drag: (name, moved, event) => this.drag(name, moved, event),
      step: (name, amount) => this.step(name, amount),
      stepBeat: (name, direction) => this.stepBeat(name, direction),
      reset: (name) => this.reset(name),
      end: (name) => this.end(name),
    }, this.leaving.signal);
    this.surface = new Surface(this.stage, {
      isBody: (x, y) => this.isBodyOfB(x, y),
      begin: () => this.begin("slide"),
      drag: (x, event) => this.drag("slide", { x, y: 0 }, event),
      end: () => this.end("slide"),
      cancel: () => this.cancel(),
      pan: (pixels) => this.pan(pixels),
      zoom: (factor, x) => this.zoom(factor, this.axis.time(x)),
      play: (x) => this.playFrom(this.axis.time(x)),
    }, this.leaving.signal);
    this.sound = new JoinSound({ onChange: () => this.showPlaying(), onFailure: (error) => this.fail(error) });
    this.listen();
    this.readPage();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.stage);
    this.resize();
    this.axis.fit(this.join.bStart, this.join.aEnd);
    this.sound.prepare();
    this.draw();
  }

  disconnectedCallback() {
    this.leaving.abort();
    this.sizes.disconnect();
    this.sound.close();
    cancelAnimationFrame(this.frame);
    this.frame = this.held = null;
  }

  listen() {
    const on = (target, name, act, options) => target.addEventListener(name, act, { signal: this.leaving.signal, ...options });
    on(this, "click", (event) => this.choose(event));
    on(this.closest("join-panel"), "keydown", (event) => this.key(event));
    on(this.closest("join-panel"), "keyup", (event) => event.key.toLowerCase() === "b" && this.compare(false));
    on(this.querySelector("[data-compare]"), "pointerdown", () => this.compare(true));
    for (const name of ["pointerup", "pointerleave", "pointercancel"]) on(this.querySelector("[data-compare]"), name, () => this.compare(false));
    on(window, "blur", () => this.compare(false));
    on(document, "rehearsal:play", () => this.sound.pause());
    on(document, "play", () => this.sound.pause(), { capture: true });
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.resize());
    const snap = this.querySelector("[name=snap]");
    snap.checked = localStorage.getItem(SNAP_KEY) === "on";
    const lead = this.querySelector("[name=lead]");
    const known = [...lead.options].some(({ value }) => value === localStorage.getItem(LEAD_KEY));
    if (known) lead.value = localStorage.getItem(LEAD_KEY);
    this.sound.lead = Number(lead.value);
    on(lead, "change", () => {
      this.sound.lead = Number(lead.value);
      localStorage.setItem(LEAD_KEY, lead.value);
    });
    on(snap, "change", () => localStorage.setItem(SNAP_KEY, snap.checked ? "on" : "off"));
  }

  // The plan

  // Take over the plan that the page carries now, unless a handle is being moved: then its end reads it.
  readPage() {
    if (this.held) {
      this.isStale = true;
      return;
    }
    this.isStale = false;
    const { songs, ...plan } = readPlan(this.closest("join-panel"));
    if (this.join) this.axis.first += plan.join.aStart - this.join.aStart; // A stays where it is in the picture
    Object.assign(this, plan);
    for (const side of ["a", "b"]) this.readSong(side, songs[side]);
    this.changed();
  }

  readSong(side, { detail, copy, ...song }) {
    const known = this.songs[side];
    if (known.address !== detail) {
      known.detail = new TrackDetail(detail, () => this.arrived(side));
      known.address = detail;
      this.sound.use(side, () => findSound(copy, this.leaving.signal));
    }
    this.songs[side] = { ...known, ...song, enlarged: known.enlarged ?? 1 };
  }

  arrived(side) {
    const at = side === "a" ? this.join.endsAt : this.join.beginsAt;
    this.songs[side].enlarged = enlargement(this.songs[side].detail, Math.max(0, Math.floor(at - STEADY_S)), Math.ceil(at + STEADY_S));
    this.draw();
  }

  changed() {
    this.sound.change(this.join);
    this.draw();
  }

  // Moving handles

  begin(name) {
    this.held = this.join;
    this.moving = name;
    this.steps = 0;
    this.limit("");
    this.classList.add("is-moving");
  }

  drag(name, { x, y }, event) {
    if (!this.held) return;
    if (this.handles.isLevel(name)) this.setLevel(name, -y / this.pixelsPerDb);
    else this.shift(name, this.snapped(name, this.axis.seconds(x), event.altKey));
  }

  step(name, amount) {
    this.steps += amount;
    this.take(name);
  }

  // Move by one beat of the song, or by a second where no beat is known.
  stepBeat(name, direction) {
    const [side, at] = this.heldPlace(name);
    this.step(name, direction * this.songs[side].beats.stepAt(at + this.steps));
  }

  take(name) {
    if (this.handles.isLevel(name)) this.setLevel(name, this.steps);
    else {
      this.shift(name, this.steps);
      this.reveal(name);
    }
  }

  shift(name, seconds) {
    const { join, words } = this.held.move(name, Math.round(seconds * 100) / 100, this.limits);
    this.join = join;
    this.limit(words);
    this.changed();
  }

  setLevel(name, change) {
    const key = name === "gain_a" ? "gainA" : "gainB", { least, most, leastWords, mostWords } = this.limits[key];
    const wanted = Math.round(2 * (this.held[key] + change)) / 2;
    this.limit(wanted < least ? leastWords : wanted > most ? mostWords : "");
    this.join = this.held.with({ [key]: Math.min(most, Math.max(least, wanted)) });
    this.changed();
  }

  // The song whose clock a handle follows, and where in its file the handle was when it was taken.
  heldPlace(name) {
    const before = this.held;
    return {
      ends: ["a", before.endsAt],
      both: ["a", before.endsAt],
      begins: ["b", before.beginsAt],
      slide: ["a", before.bStart + before.aAhead],
    }[name];
  }

  // How far a handle moves when it snaps to a beat, or without trusted beats to what begins there; Alt turns the switch round.
  snapped(name, seconds, isTurned) {
    if (this.querySelector("[name=snap]").checked === isTurned) return seconds;
    const reach = Math.min(SNAP_S[1], Math.max(SNAP_S[0], this.axis.seconds(SNAP_PX)));
    const [side, at] = this.heldPlace(name), { beats, detail } = this.songs[side];
    const found = beats.cover(at + seconds) ? beats.nearest(at + seconds, reach) : nearestOnset(detail, at + seconds, reach);
    return found === null ? seconds : found - at;
  }

  end(name) {
    const before = this.held;
    this.held = this.moving = null;
    this.classList.remove("is-moving");
    if (before && before !== this.join) this.save(name);
    else if (this.isStale) this.readPage();
    this.draw();
  }

  // Leave all as it was before the handle moved.
  cancel() {
    this.join = this.held;
    this.held = this.moving = null;
    this.classList.remove("is-moving");
    this.changed();
  }

  save(name) {
    const level = { gain_a: ["gainA"], gain_b: ["gainB"] }[name];
    writeForm(this.closest("join-panel"), this.join, level ?? this.join.setBy(name));
  }

  // Back to what is chosen automatically.
  reset(name) {
    const names = { ends: ["endsAt"], begins: ["beginsAt"], slide: ["overlap"], both: ["endsAt", "overlap"], gain_a: ["gainA"], gain_b: ["gainB"] }[name];
    this.limit("");
    this.join = this.join.with(Object.fromEntries(names.map((key) => [key, this.auto[key]])));
    this.changed();
    writeForm(this.closest("join-panel"), this.join, names, { isAutomatic: true });
  }

  limit(words) {
    const place = this.querySelector(".join-limit");
    if (place.textContent !== words) place.textContent = words;
  }

  // Moving the view

  isBodyOfB(x, y) {
    const t = this.axis.time(x), isInLane = y >= this.layout.b && y < this.layout.loudness;
    return isInLane && t > this.join.bStart && t < this.join.bEnd && Boolean(this.join.movesOf("slide").overlap);
  }

  pan(pixels) {
    this.axis.first -= this.axis.seconds(pixels);
    this.draw();
  }

  zoom(factor, kept = (this.join.bStart + this.join.aEnd) / 2) {
    this.axis.zoomTo(this.axis.shown * factor, Math.min(this.axis.last, Math.max(this.axis.first, kept)));
    this.draw();
  }

  showAll() {
    this.axis.fit(this.join.bStart, this.join.aEnd);
    this.draw();
  }

  // Keep a handle that the keyboard moves in the picture.
  reveal(name) {
    const at = { ends: this.join.aEnd, begins: this.join.bStart, slide: this.join.bStart, both: this.join.aEnd }[name];
    if (at < this.axis.first || at > this.axis.last) this.axis.centreOn(at);
  }

  // Buttons and keys

  choose(event) {
    const button = event.target.closest("button");
    if (!button || button.dataset.compare !== undefined) return;
    const act = {
      play: () => this.toggle(),
      loop: () => this.loop(),
      a: () => this.listenTo("a"),
      both: () => this.listenTo("both"),
      b: () => this.listenTo("b"),
      closer: () => this.zoom(1 / ZOOM),
      wider: () => this.zoom(ZOOM),
      whole: () => this.showAll(),
    }[button.dataset.act];
    act?.();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=radio], [type=checkbox]), textarea, select")) return;
    const act = {
      "+": () => this.zoom(1 / ZOOM),
      "=": () => this.zoom(1 / ZOOM),
      "-": () => this.zoom(ZOOM),
      l: () => this.loop(),
      b: () => event.repeat || this.compare(true),
      " ": event.target.closest("button, summary, a, input") ? null : () => this.toggle(),
    }[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // Hearing

  toggle() {
    if (this.sound.isPlaying) this.sound.pause();
    else this.playFrom();
  }

  playFrom(seconds) {
    document.querySelectorAll("audio").forEach((audio) => audio.pause());
    document.dispatchEvent(new CustomEvent("join:play"));
    this.classList.add("is-loading");
    this.sound.play(this.join, seconds).finally(() => this.classList.remove("is-loading"));
  }

  loop() {
    this.sound.isLooping = !this.sound.isLooping;
    this.querySelector("[data-act=loop]").setAttribute("aria-pressed", this.sound.isLooping);
  }

  listenTo(side) {
    this.sound.listenTo({ a: side !== "b", b: side !== "a" });
    for (const name of ["a", "both", "b"]) this.querySelector(`[data-act=${name}]`).setAttribute("aria-pressed", name === side);
  }

  // While it is held, the automatic join is heard and seen.
  compare(isHeld) {
    if (isHeld === Boolean(this.mine) || this.held) return;
    this.classList.toggle("is-comparing", isHeld);
    if (isHeld) {
      this.mine = this.join;
      this.join = this.join.with(this.untouched);
      if (!this.sound.isPlaying) this.playFrom();
    } else {
      this.join = this.mine;
      this.mine = null;
    }
    this.changed();
  }

  fail() {
    this.classList.remove("is-loading");
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: this.dataset.failed, level: "error" } }));
  }

  showPlaying() {
    const button = this.querySelector("[data-act=play]"), use = button.querySelector("use"), plays = this.sound.isPlaying;
    button.setAttribute("aria-pressed", plays);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, plays ? "#pause" : "#play"));
    this.head.hidden = !plays;
    if (plays) this.followSound();
  }

  followSound() {
    const place = this.sound.place;
    if (place === null) return;
    this.head.style.transform = `translateX(${this.axis.x(place).toFixed(1)}px)`;
    requestAnimationFrame(() => this.followSound());
  }

  // Drawing

  resize() {
    this.axis.width = Math.max(1, this.stage.clientWidth);
    this.layout = layOut(this.stage.clientHeight);
    this.colours = readColours(this.querySelector(".join-probe"));
    this.draw();
  }

  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawNow();
    });
  }

  drawNow() {
    if (!this.join || !this.layout) return;
    const { axis, join, songs, layout } = this;
    for (const [side, ahead] of [["a", join.aAhead], ["b", join.bAhead]]) {
      const around = axis.shown / 2;
      songs[side].detail.want(axis.first + ahead - around, Math.min(songs[side].length, axis.last + ahead + around));
    }
    this.lanes.draw({ axis, join, layout, songs, colours: this.colours, inks: this.inks });
    this.placeHandles();
    this.querySelector("[data-act=closer]").disabled = axis.shown <= SHORTEST_S;
    this.querySelector("[data-act=wider]").disabled = axis.shown >= LONGEST_S;
  }

  get pixelsPerDb() {
    return (this.layout.lane - 24) / (LEVEL_DB[1] - LEVEL_DB[0]);
  }

  placeHandles() {
    const { axis, join, layout, handles } = this;
    const [a, b, half] = [axis.x(join.aEnd), axis.x(join.bStart), layout.lane / 2];
    const isSeen = (x) => x >= -22 && x <= axis.width + 22;
    handles.place("ends", a, layout.a, { isHidden: !isSeen(a) });
    handles.place("begins", b, layout.b, { isHidden: !isSeen(b) });
    handles.place("both", (a + b) / 2, layout.b, { isHidden: !isSeen((a + b) / 2) });
    const isFixed = !join.movesOf("slide").overlap || b > axis.width - 30;
    handles.place("slide", Math.min(axis.width - 70, Math.max(b + 56, 70)), layout.b + half, { isHidden: isFixed });
    const levelAt = (side, above) => {
      const db = Math.min(LEVEL_DB[1], Math.max(LEVEL_DB[0], above));
      return layout[side] + layout.lane - 12 - (db - LEVEL_DB[0]) * this.pixelsPerDb;
    };
    handles.place("gain_a", 0, levelAt("a", join.gainA - this.auto.gainA));
    handles.place("gain_b", axis.width, levelAt("b", join.gainB - this.auto.gainB));
    for (const [name, key] of Object.entries(MARKS)) handles.all.get(name).classList.toggle("is-hand", this.byHand.has(key));
    this.sayHandles();
  }

  sayHandles() {
    const { join, limits, handles, titles } = this;
    const fill = (name, values) => this.dataset[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
    const values = {
      a: titles.a, b: titles.b,
      end: clock(join.endsAt, 2), begin: clock(join.beginsAt, 2), start: clock(join.bStart, 2), overlap: join.overlap.toFixed(2),
    };
    const time = (name, key, words) => handles.say(name, { now: join[key], least: limits[key].least, most: limits[key].most, words: fill(words, values) });
    time("ends", "endsAt", "ends");
    time("begins", "beginsAt", "begins");
    time("slide", "overlap", "slide");
    time("both", "endsAt", "both");
    for (const [name, key, title] of [["gain_a", "gainA", titles.a], ["gain_b", "gainB", titles.b]]) {
      const level = `${join[key] < 0 ? "−" : "+"}${Math.abs(join[key]).toFixed(1)}`;
      handles.say(name, { now: join[key], least: limits[key].least, most: limits[key].most, words: fill("level", { title, level }) });
      handles.all.get(name).dataset.level = level;
    }
    this.querySelector(".join-reading").textContent = this.moving ? handles.all.get(this.moving)?.getAttribute("aria-valuetext") : "";
  }
}

customElements.define("join-editor", JoinEditor);
