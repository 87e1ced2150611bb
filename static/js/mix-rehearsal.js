// <mix-rehearsal>: plays a mix before it is made. Songs come from their listening copies, joins from their previews,
// one after the other; the next one is made ready while the one before it plays.

import { findSound } from "./listening-copy.js";
import { clock } from "./clock.js";

const SWAP_S = 0.03; // over which one piece gives way to the next
const LOOK_MS = 40; // how often the end of a piece is looked for

class MixRehearsal extends HTMLElement {
  connectedCallback() {
    this.pieces = [];
    this.decks = [null, null]; // {audio, gain, piece, ready}: one plays, the other waits
    this.at = -1; // number of the piece that plays
    this.presses = 0;
    this.leaving = new AbortController();
    const on = (target, name, act, more) => target.addEventListener(name, act, { signal: this.leaving.signal, ...more });
    on(document, "click", (event) => {
      const button = event.target.closest?.("[data-rehearse]");
      if (button) this.open(button.dataset.rehearse);
    });
    on(this, "click", (event) => this.choose(event.target.closest("button")?.dataset.act));
    on(this.seekBar, "input", () => this.isSeeking = true);
    on(this.seekBar, "change", () => this.seek(Number(this.seekBar.value)));
    on(document, "play", () => this.pause(), { capture: true }); // another player of the page
    on(document, "join:play", () => this.pause());
  }

  disconnectedCallback() {
    this.close();
    this.leaving.abort();
  }

  get seekBar() {
    return this.querySelector("input[type=range]");
  }

  get deck() {
    return this.decks.find((deck) => deck && deck.piece === this.pieces[this.at]);
  }

  get isPlaying() {
    return Boolean(this.deck && !this.deck.audio.paused);
  }

  // Second of the mix that is heard.
  get place() {
    const { deck } = this;
    return deck ? deck.piece.start_s + deck.audio.currentTime - deck.piece.offset_s : 0;
  }

  // Opening

  async open(kind) {
    this.pause();
    this.kind = kind;
    this.hidden = false;
    this.say(this.dataset.preparing);
    this.context ??= new AudioContext();
    this.context.resume();
    const press = (this.presses += 1);
    try {
      await this.fetchPieces();
    } catch {
      return this.fail();
    }
    if (press !== this.presses) return;
    if (!this.pieces.length) return this.fail(this.dataset.nothing);
    this.start(0);
  }

  async fetchPieces() {
    const editor = document.querySelector("mix-editor");
    await editor?.settled();
    const answer = await fetch(this.dataset.plan);
    if (!answer.ok || answer.redirected) throw new Error(answer.status);
    const { version, duration_s: duration, pieces } = await answer.json();
    this.version = String(version);
    this.pieces = this.kind === "joins" ? pieces.filter((piece) => piece.is_join) : pieces;
    this.seekBar.max = duration;
    this.seekBar.hidden = this.kind === "joins";
  }

  isOld() {
    return this.version !== document.getElementById("edit-form")?.elements.version.value;
  }

  // Playing

  // Play a piece from its beginning, or from a second of the mix inside it.
  async start(number, seconds = this.pieces[number].start_s) {
    const press = (this.presses += 1);
    this.at = number;
    this.show();
    try {
      const deck = await this.load(this.pieces[number]);
      if (press !== this.presses) return;
      for (const other of this.decks) if (other && other !== deck) this.fade(other, 0);
      deck.audio.currentTime = deck.piece.offset_s + seconds - deck.piece.start_s;
      this.fade(deck, 10 ** (deck.piece.gain_db / 20));
      this.silenceOthers();
      await deck.audio.play();
    } catch (error) {
      if (press !== this.presses || error.name === "AbortError") return;
      return this.fail(error.name === "NotAllowedError" ? this.dataset.press : undefined);
    }
    this.watch(press);
    this.show();
    if (number + 1 < this.pieces.length) this.load(this.pieces[number + 1]).catch(() => {}); // asked for again when its turn comes
  }

  // A deck with the sound of a piece: the one that has it, or the one that is not heard.
  load(piece) {
    const known = this.decks.find((deck) => deck?.piece === piece);
    if (known) return known.ready;
    const free = this.decks.findIndex((deck) => !deck || deck.piece !== this.pieces[this.at]);
    const deck = (this.decks[free] ??= this.makeDeck());
    deck.audio.pause();
    deck.piece = piece;
    deck.ready = this.fill(deck, piece);
    deck.ready.catch(() => { if (deck.piece === piece) deck.piece = null; });
    return deck.ready;
  }

  async fill(deck, piece) {
    deck.audio.src = await findSound(piece.request, this.leaving.signal);
    deck.audio.currentTime = piece.offset_s;
    await new Promise((resolve, reject) => {
      deck.audio.addEventListener("canplay", resolve, { once: true });
      deck.audio.addEventListener("error", reject, { once: true });
    });
    return deck;
  }

  makeDeck() {
    const audio = new Audio();
    audio.preload = "auto";
    const gain = new GainNode(this.context, { gain: 0 });
    this.context.createMediaElementSource(audio).connect(gain).connect(this.context.destination);
    return { audio, gain, piece: null, ready: null };
  }

  fade(deck, to) {
    const now = this.context.currentTime;
    deck.gain.gain.cancelScheduledValues(now);
    deck.gain.gain.setTargetAtTime(to, now, SWAP_S / 3);
    if (!to) setTimeout(() => deck.piece !== this.pieces[this.at] && deck.audio.pause(), 1000 * SWAP_S + 20);
  }

  // Go on with the next piece where this one ends, on the plan as it is by then.
  watch(press) {
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      if (press !== this.presses) return clearInterval(this.timer);
      this.showPlace();
      const { deck } = this;
      if (deck && (deck.audio.ended || this.place >= deck.piece.end_s - SWAP_S)) this.goOn();
    }, LOOK_MS);
  }

  async goOn() {
    clearInterval(this.timer);
    const ended = this.pieces[this.at];
    if (this.isOld()) {
      await this.fetchPieces().catch(() => {});
      const same = this.pieces.findIndex((piece) => piece.item === ended.item && piece.is_join === ended.is_join);
      if (same < 0) return this.close();
      this.at = same;
    }
    if (this.at + 1 < this.pieces.length) this.start(this.at + 1);
    else this.pause();
  }

  silenceOthers() {
    document.querySelectorAll("audio, video").forEach((media) => media.pause());
    document.dispatchEvent(new CustomEvent("rehearsal:play"));
  }

  // Buttons

  choose(act) {
    ({
      play: () => (this.isPlaying ? this.pause() : this.goFrom()),
      previous: () => this.start(Math.max(0, this.at - 1)),
      next: () => this.at + 1 < this.pieces.length && this.start(this.at + 1),
      close: () => this.close(),
    })[act]?.();
  }

  goFrom() {
    if (this.isOld()) return this.open(this.kind);
    return this.start(this.at, Math.min(this.place, this.pieces[this.at].end_s - 1));
  }

  seek(seconds) {
    this.isSeeking = false;
    const found = this.pieces.findIndex((piece) => seconds < piece.end_s);
    const number = found < 0 ? this.pieces.length - 1 : found;
    this.start(number, Math.max(seconds, this.pieces[number].start_s));
  }

  pause() {
    this.presses += 1;
    clearInterval(this.timer);
    for (const deck of this.decks) deck?.audio.pause();
    this.show();
  }

  close() {
    this.pause();
    for (const deck of this.decks) deck?.audio.removeAttribute("src");
    this.context?.close();
    this.context = null;
    this.decks = [null, null];
    [this.pieces, this.at] = [[], -1];
    this.hidden = true;
    this.show();
  }

  fail(words = this.dataset.failed) {
    this.pause();
    this.say(words);
  }

  // Display

  say(words) {
    const place = this.querySelector("[role=status]");
    if (place.textContent !== words) place.textContent = words;
  }

  show() {
    const piece = this.pieces[this.at], plays = this.isPlaying;
    document.querySelectorAll(".is-sounding").forEach((row) => row.classList.remove("is-sounding"));
    const button = this.querySelector("[data-act=play]"), use = button.querySelector("use");
    button.setAttribute("aria-label", plays ? this.dataset.pause : this.dataset.play);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, plays ? "#pause" : "#play"));
    this.querySelector("[data-act=next]").disabled = this.at + 1 >= this.pieces.length;
    if (!piece) return;
    if (plays) document.getElementById(`${piece.is_join ? "join" : "row"}-${piece.item}`)?.classList.add("is-sounding");
    this.querySelector("strong").textContent = piece.title;
    const joins = this.pieces.filter((other) => other.is_join);
    const number = piece.is_join ? joins.indexOf(piece) + 1 : 0;
    this.say(number ? this.dataset.number.replace("{number}", number).replace("{count}", joins.length) : "");
    this.showPlace();
    if (plays) this.offerKeys(piece);
  }

  showPlace() {
    const seconds = this.place;
    this.querySelector("[data-time]").textContent = this.kind === "joins" ? clock(seconds) : `${clock(seconds)} / ${clock(Number(this.seekBar.max))}`;
    if (this.isSeeking) return;
    this.seekBar.value = seconds;
    this.seekBar.setAttribute("aria-valuetext", clock(seconds));
  }

  // Media keys of a keyboard or headset
  offerKeys(piece) {
    if (!("mediaSession" in navigator)) return;
    navigator.mediaSession.metadata = new MediaMetadata({ title: piece.title, album: document.querySelector("h1").textContent });
    for (const [key, act] of [["previoustrack", "previous"], ["nexttrack", "next"], ["play", "play"], ["pause", "play"]]) {
      navigator.mediaSession.setActionHandler(key, () => this.choose(act));
    }
  }
}

customElements.define("mix-rehearsal", MixRehearsal);
