"use strict";

// <mix-player>: custom controls for an <audio> or <video>, which has native controls without this script. The
// waveform is the seek bar; [data-chapters] and [data-hear] become clickable; #t=66 in the URL starts playback there.
(() => {
  const STEP_S = 5;
  const LEAP_S = 10;
  const PAGE_S = 60;
  const RESTART_S = 3; // "previous" first returns to the start of the current song, as players do

  function clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(rest).padStart(2, "0")}`;
    return hours ? `${hours}:${tail}` : tail;
  }

  function fill(words, values) {
    return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  class MixPlayer extends HTMLElement {
    connectedCallback() {
      this.media = this.querySelector("audio, video");
      this.panel = this.querySelector(".player");
      this.seekBar = this.querySelector("[data-seek]");
      this.head = this.querySelector("[data-head]");
      this.chapters = [...document.querySelectorAll("[data-chapters] a")];
      this.starts = this.chapters.map((link) => Number(link.dataset.start));
      this.shown = -1;
      this.media.controls = false;
      this.classList.add("is-ready");
      this.panel.hidden = false;
      this.listen();
      this.beginAtAddress();
      this.show();
    }

    disconnectedCallback() {
      this.leaving?.abort();
      this.sight?.disconnect();
      cancelAnimationFrame(this.frame);
    }

    // Once played, the controls stay at the foot of the window while the player is out of sight.
    stay() {
      const isAway = Boolean(this.isAway && this.wasPlayed);
      if (isAway === this.classList.contains("is-away")) return;
      this.style.minBlockSize = isAway ? `${this.offsetHeight}px` : "";
      this.classList.toggle("is-away", isAway);
    }

    get length() {
      return Number.isFinite(this.media.duration) ? this.media.duration : Number(this.dataset.duration);
    }

    listen() {
      this.leaving = new AbortController();
      const on = (target, name, act) => target.addEventListener(name, act, { signal: this.leaving.signal });
      const act = {
        play: () => this.toggle(),
        back: () => this.seek(this.media.currentTime - LEAP_S),
        forward: () => this.seek(this.media.currentTime + LEAP_S),
        previous: () => this.leave(-1),
        next: () => this.leave(1),
        mute: () => { this.media.muted = !this.media.muted; },
      };
      this.sight = new IntersectionObserver(([entry]) => {
        this.isAway = !entry.isIntersecting;
        this.stay();
      });
      this.sight.observe(this);
      on(this.media, "play", () => {
        this.wasPlayed = true;
        this.stay();
      });
      for (const button of this.querySelectorAll("[data-action]")) on(button, "click", act[button.dataset.action]);
      on(this.querySelector("[data-volume]"), "input", (event) => {
        this.media.volume = Number(event.target.value);
        this.media.muted = false;
      });
      on(this.seekBar, "pointerdown", (event) => this.drag(event));
      on(this.seekBar, "keydown", (event) => this.key(event));
      if (this.media.tagName === "VIDEO") on(this.media, "click", () => this.toggle());
      for (const name of ["timeupdate", "seeking", "durationchange"]) on(this.media, name, () => this.show());
      for (const name of ["play", "pause", "ended"]) on(this.media, name, () => this.showPlaying());
      on(this.media, "volumechange", () => this.showVolume());
      on(this.media, "error", () => this.tellFailure());
      this.chapters.forEach((link, place) => on(link, "click", (event) => this.choose(event, place)));
      for (const link of document.querySelectorAll("[data-hear]")) {
        on(link, "click", (event) => this.hear(event, Number(link.dataset.hear)));
      }
      on(window, "hashchange", () => this.beginAtAddress());
      this.offerKeys();
    }

    // Playing and seeking

    toggle() {
      if (this.media.paused) this.play();
      else this.media.pause();
    }

    play() {
      this.media.play().catch((error) => {
        if (error.name !== "AbortError") this.tellFailure();
      });
    }

    seek(seconds) {
      this.wanted = Math.min(Math.max(0, seconds), this.length);
      if (this.media.readyState > 0) this.media.currentTime = this.wanted;
      else this.media.addEventListener("loadedmetadata", () => { this.media.currentTime = this.wanted; }, { once: true });
      this.show(this.wanted);
    }

    leave(direction) {
      const here = this.chapterAt(this.media.currentTime);
      const early = this.media.currentTime - this.starts[here] < RESTART_S;
      const place = direction > 0 ? here + 1 : here - (early ? 1 : 0);
      if (place < this.starts.length) this.seek(this.starts[Math.max(0, place)]);
    }

    choose(event, place) {
      this.hear(event, this.starts[place]);
    }

    hear(event, seconds) {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.seek(seconds);
      history.replaceState(null, "", `#t=${Math.floor(seconds)}`);
      this.play();
    }

    beginAtAddress() {
      const found = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
      if (found) this.seek(this.ofChapter(Number(found[1])));
    }

    // URLs hold whole seconds: one that equals a chapter's second means the chapter's exact start.
    ofChapter(seconds) {
      return this.starts.find((start) => Math.floor(start) === seconds) ?? seconds;
    }

    drag(event) {
      if (event.button !== 0) return;
      const box = this.seekBar.getBoundingClientRect();
      const toPlace = ({ clientX }) => this.seek(((clientX - box.left) / box.width) * this.length);
      const over = new AbortController();
      this.seekBar.setPointerCapture(event.pointerId);
      this.seekBar.addEventListener("pointermove", toPlace, { signal: over.signal });
      for (const name of ["pointerup", "pointercancel"]) {
        this.seekBar.addEventListener(name, () => over.abort(), { once: true, signal: over.signal });
      }
      toPlace(event);
    }

    key(event) {
      const now = this.media.currentTime;
      const steps = {
        ArrowLeft: () => this.seek(now - STEP_S),
        ArrowDown: () => this.seek(now - STEP_S),
        ArrowRight: () => this.seek(now + STEP_S),
        ArrowUp: () => this.seek(now + STEP_S),
        PageDown: () => this.seek(now - PAGE_S),
        PageUp: () => this.seek(now + PAGE_S),
        Home: () => this.seek(0),
        End: () => this.seek(this.length),
        " ": () => this.toggle(),
        Enter: () => this.toggle(),
      };
      const step = steps[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      step();
    }

    // Display

    chapterAt(seconds) {
      let place = 0;
      while (place + 1 < this.starts.length && this.starts[place + 1] <= seconds + 0.05) place += 1;
      return place;
    }

    show(seconds = this.media.currentTime) {
      const x = (1200 * seconds) / (this.length || 1);
      this.head.setAttribute("x1", x);
      this.head.setAttribute("x2", x);
      const words = fill(this.dataset.of, { at: clock(seconds), whole: clock(this.length + 0.5) });
      if (words === this.said) return;
      this.said = words;
      this.querySelector("[data-time]").textContent = words;
      this.seekBar.setAttribute("aria-valuenow", Math.floor(seconds));
      this.showChapter(this.chapterAt(seconds));
      const song = this.chapters[this.shown]?.dataset.title;
      this.seekBar.setAttribute("aria-valuetext", song ? `${words}, ${song}` : words);
    }

    showChapter(place) {
      if (place === this.shown || !this.chapters[place]) return;
      this.chapters[this.shown]?.removeAttribute("aria-current");
      this.chapters[place].setAttribute("aria-current", "true");
      this.shown = place;
      if (!this.media.paused) this.reveal(this.chapters[place]);
      const { title, artist } = this.chapters[place].dataset;
      this.querySelector("[data-title]").textContent = title;
      this.querySelector("[data-artist]").textContent = artist;
      if ("mediaSession" in navigator) {
        navigator.mediaSession.metadata = new MediaMetadata({ title, artist, album: this.media.getAttribute("aria-label") });
      }
    }

    // Scroll only the list: the page must stay where the reader is.
    reveal(link) {
      const list = link.closest("[data-chapters]");
      const [song, seen] = [link.getBoundingClientRect(), list.getBoundingClientRect()];
      if (song.top < seen.top) list.scrollTop -= seen.top - song.top;
      else if (song.bottom > seen.bottom) list.scrollTop += song.bottom - seen.bottom;
    }

    showPlaying() {
      const playing = !this.media.paused && !this.media.ended;
      const button = this.querySelector("[data-action=play]");
      const use = button.querySelector("use");
      button.setAttribute("aria-label", playing ? this.dataset.pause : this.dataset.play);
      use.setAttribute("href", use.getAttribute("href").replace(/#.*/, playing ? "#pause" : "#play"));
      cancelAnimationFrame(this.frame);
      if (playing) this.follow();
    }

    // Move the playhead in every animation frame: `timeupdate` fires four times a second, which is jerky.
    follow() {
      this.show();
      this.frame = requestAnimationFrame(() => this.follow());
    }

    showVolume() {
      const button = this.querySelector("[data-action=mute]");
      button.setAttribute("aria-pressed", this.media.muted);
      button.setAttribute("aria-label", this.media.muted ? this.dataset.unmute : this.dataset.mute);
      this.querySelector("[data-volume]").value = this.media.muted ? 0 : this.media.volume;
    }

    tellFailure() {
      document.dispatchEvent(new CustomEvent("toast", { detail: { text: this.dataset.failed, level: "error" } }));
    }

    // Media keys of a keyboard or headset
    offerKeys() {
      if (!("mediaSession" in navigator)) return;
      const keys = {
        play: () => this.play(),
        pause: () => this.media.pause(),
        previoustrack: () => this.leave(-1),
        nexttrack: () => this.leave(1),
        seekbackward: () => this.seek(this.media.currentTime - LEAP_S),
        seekforward: () => this.seek(this.media.currentTime + LEAP_S),
        seekto: (details) => this.seek(details.seekTime),
      };
      for (const [name, act] of Object.entries(keys)) {
        try {
          navigator.mediaSession.setActionHandler(name, act);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // this browser does not support the action
        }
      }
    }
  }

  customElements.define("mix-player", MixPlayer);
})();
