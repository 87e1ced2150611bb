"use strict";

// <track-player>: one player bar for every button with data-preview. Each button is in a form that also works
// without this script. The server may have to make the sound first: it is polled until it exists.
(() => {
  const FIRST_WAIT_MS = 100, LONGEST_WAIT_MS = 700, SLOWER = 1.1; // a join takes less than a second, a long track many

  function csrfToken(button) {
    return button.form?.elements.csrfmiddlewaretoken?.value || JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  }

  function mixVersion() {
    return document.getElementById("edit-form")?.elements.version.value;
  }

  class TrackPlayer extends HTMLElement {
    connectedCallback() {
      this.audio = this.querySelector("audio");
      this.playing = ""; // data-preview of the button that is requested or playing
      this.version = ""; // of the mix on the page when it was requested
      this.presses = 0;
      this.onClick = (event) => {
        const button = event.target.closest?.("[data-preview]");
        if (!button) return;
        event.preventDefault();
        this.press(button);
      };
      this.onLoad = () => { // one update per frame
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(() => this.mark());
      };
      document.addEventListener("click", this.onClick);
      document.addEventListener("htmx:load", this.onLoad);
      this.audio.addEventListener("play", () => this.renew());
      for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, () => this.mark());
      this.audio.addEventListener("error", () => this.audio.getAttribute("src") && this.fail(this.deviceFault()));
      this.querySelector("button").addEventListener("click", () => this.close());
    }

    disconnectedCallback() {
      document.removeEventListener("click", this.onClick);
      document.removeEventListener("htmx:load", this.onLoad);
    }

    async press(button) {
      const wanted = button.dataset.preview;
      const hasSound = wanted === this.playing && this.audio.getAttribute("src");
      if (hasSound && this.sounds(button)) return this.audio.pause();
      if (hasSound && !button.hasAttribute("data-follows-mix")) return this.start();
      if (hasSound) this.audio.pause();
      else this.stop();
      const press = (this.presses += 1);
      this.playing = wanted;
      this.querySelector("strong").textContent = button.dataset.title;
      this.say(this.dataset.preparing);
      this.hidden = false;
      this.mark();
      try {
        await document.querySelector("mix-editor")?.settled();
        const version = mixVersion();
        const sound = await this.fetchSound(wanted, csrfToken(button), press);
        if (!sound || press !== this.presses) return;
        this.version = version;
        this.say("");
        if (this.audio.getAttribute("src") !== sound) this.audio.src = sound;
        this.start();
      } catch {
        if (press === this.presses) this.fail();
      }
    }

    // Ask until the sound is there and return its address; nothing where it cannot be had or another press came.
    async fetchSound(wanted, token, press) {
      let answer = await this.ask(wanted, { method: "POST", headers: { "X-CSRFToken": token } });
      let wait = FIRST_WAIT_MS;
      while (press === this.presses && ["queued", "running"].includes(answer.state)) {
        if (answer.percent) this.say(this.dataset.percent.replace("{percent}", answer.percent));
        await new Promise((resolve) => setTimeout(resolve, wait));
        wait = Math.min(wait * SLOWER, LONGEST_WAIT_MS);
        answer = await this.ask(answer.status, {});
      }
      if (press === this.presses && !answer.sound) this.fail(answer.sentence);
      return answer.sound;
    }

    // Tell whether what this button stands for now is heard: a join that was changed since is not.
    sounds(button) {
      if (button.dataset.preview !== this.playing || this.audio.paused) return false;
      return !button.hasAttribute("data-follows-mix") || (this.version === mixVersion() && !document.querySelector("mix-editor")?.isBusy());
    }

    // Played by the browser's own button after the mix was changed: ask for what the page shows now.
    renew() {
      const button = document.querySelector(`[data-preview="${this.playing}"]`);
      if (!button) this.close();
      else if (!this.sounds(button)) this.press(button);
    }

    async ask(address, { method = "GET", headers = {} }) {
      const response = await fetch(address, { method, headers: { ...headers, Accept: "application/json" } });
      if (response.redirected || !(response.ok || response.status === 409)) throw new Error(response.status);
      return response.json();
    }

    start() {
      // Autoplay may be blocked when making the sound took too long after the click
      this.audio.play().catch((error) => error.name === "NotAllowedError" && this.say(this.dataset.press));
    }

    stop() {
      this.audio.pause();
      this.audio.removeAttribute("src");
      this.playing = "";
      this.presses += 1; // what is asked for now comes too late
    }

    fail(sentence) {
      this.stop();
      this.say(sentence || this.dataset.failed);
      this.mark();
    }

    // Firefox refuses to play without a device for sound; the file is right, and another try does not help.
    deviceFault() {
      return /MediaSink/.test(this.audio.error?.message) ? this.dataset.silent : "";
    }

    close() {
      this.stop();
      this.hidden = true;
      this.mark();
    }

    say(words) {
      this.querySelector("[role=status]").textContent = words;
    }

    // Show the playing state on every button; rows may have been swapped.
    mark() {
      document.querySelectorAll("[data-preview]").forEach((button) => {
        const isMine = button.dataset.preview === this.playing;
        const sounds = this.sounds(button);
        button.closest(".track-row, .join-row")?.classList.toggle("is-sounding", isMine && !this.audio.paused && !this.hidden);
        button.classList.toggle("is-busy", isMine && !this.audio.getAttribute("src"));
        if (button.getAttribute("aria-pressed") === String(sounds)) return;
        button.setAttribute("aria-pressed", String(sounds));
        const use = button.querySelector("use");
        if (use) use.setAttribute("href", `${use.getAttribute("href").split("#")[0]}#${sounds ? "pause" : "play"}`);
      });
    }
  }

  customElements.define("track-player", TrackPlayer);
})();
