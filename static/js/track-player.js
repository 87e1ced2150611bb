"use strict";

// <track-player>: one player bar for every button with data-preview. Each button is in a form that also works
// without this script. The server may have to make the sound first: it is polled until it exists.
(() => {
  const ASK_AGAIN_MS = 700;

  function csrfToken(button) {
    return button.form?.elements.csrfmiddlewaretoken?.value || JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  }

  class TrackPlayer extends HTMLElement {
    connectedCallback() {
      this.audio = this.querySelector("audio");
      this.playing = ""; // data-preview of the button that is requested or playing
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
      for (const name of ["play", "pause", "ended"]) this.audio.addEventListener(name, () => this.mark());
      this.audio.addEventListener("error", () => this.audio.getAttribute("src") && this.fail());
      this.querySelector("button").addEventListener("click", () => this.close());
    }

    disconnectedCallback() {
      document.removeEventListener("click", this.onClick);
      document.removeEventListener("htmx:load", this.onLoad);
    }

    async press(button) {
      if (button.dataset.preview === this.playing && this.audio.getAttribute("src")) {
        if (this.audio.paused) this.start();
        else this.audio.pause();
        return;
      }
      this.stop();
      const wanted = (this.playing = button.dataset.preview);
      this.querySelector("strong").textContent = button.dataset.title;
      this.say(this.dataset.preparing);
      this.hidden = false;
      this.mark();
      try {
        await this.fetchSound(wanted, csrfToken(button));
      } catch {
        if (this.playing === wanted) this.fail();
      }
    }

    async fetchSound(wanted, token) {
      let answer = await this.ask(wanted, { method: "POST", headers: { "X-CSRFToken": token } });
      while (this.playing === wanted && ["queued", "running"].includes(answer.state)) {
        if (answer.percent) this.say(this.dataset.percent.replace("{percent}", answer.percent));
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
        answer = await this.ask(answer.status, {});
      }
      if (this.playing !== wanted) return;
      if (!answer.sound) return this.fail(answer.sentence);
      this.say("");
      this.audio.src = answer.sound;
      this.start();
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
    }

    fail(sentence) {
      this.stop();
      this.say(sentence || this.dataset.failed);
      this.mark();
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
        const sounds = isMine && !this.audio.paused;
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
