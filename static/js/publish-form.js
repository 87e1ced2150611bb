"use strict";

// <publish-form>: counts as YouTube counts while somebody types, and shows a picture that was chosen.
// The site counts again when the form is sent: what is said here is a help, not the rule.
customElements.define("publish-form", class extends HTMLElement {
  static COUNTS = {
    characters: (text) => [...text].length,
    bytes: (text) => new TextEncoder().encode(text).length,
    tags: (text) => {
      const tags = new Set(text.split(/[,\n]/).map((tag) => tag.trim()).filter(Boolean));
      const lengths = [...tags].map((tag) => [...tag].length + (tag.includes(" ") ? 2 : 0)); // two: its quotes
      return lengths.reduce((sum, length) => sum + length, 0) + Math.max(0, tags.size - 1);
    },
  };

  connectedCallback() {
    this.addEventListener("input", (event) => this.count(event.target));
    this.addEventListener("change", (event) => this.show(event.target));
    this.addEventListener("htmx:afterSwap", () => this.open());
    this.querySelectorAll("[data-counts]").forEach((field) => this.count(field));
    this.useZone();
  }

  count(field) {
    const counted = this.constructor.COUNTS[field.dataset?.counts]?.(field.value);
    if (counted === undefined) return;
    const line = document.getElementById(field.getAttribute("aria-describedby").split(" ")[0]);
    line.querySelector("[data-count]").textContent = counted;
    line.classList.toggle("is-over", counted > Number(line.querySelector("[data-most]").textContent));
  }

  show(field) {
    const picture = document.getElementById(field.dataset?.shows);
    if (!picture || !field.files.length) return;
    URL.revokeObjectURL(this.shown);
    picture.src = this.shown = URL.createObjectURL(field.files[0]);
  }

  // What was in the way may be gone once it was looked at again.
  open() {
    const isClear = this.querySelector("#preflight")?.hasAttribute("data-clear");
    const button = this.querySelector("[data-upload]");
    if (button && isClear !== undefined) button.disabled = !isClear;
    const words = this.querySelector("[data-blocked]");
    if (words) words.hidden = isClear;
  }

  // Times are meant as the clock on the wall shows them.
  useZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const field = this.querySelector("[name=zone]");
    const moment = this.querySelector("[data-moment]");
    if (!zone || this.querySelector("[aria-invalid]")) return; // a form that came back keeps its zone
    field.value = zone;
    this.querySelectorAll("[data-zone]").forEach((shown) => { shown.textContent = zone; });
    if (moment) {
      const local = new Date(moment.dataset.moment);
      moment.value = new Date(local - local.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    }
  }
});
