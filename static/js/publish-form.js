"use strict";

// <publish-form>: counts characters as YouTube does while typing, and previews the chosen picture.
// The server validates again on submit.
customElements.define("publish-form", class extends HTMLElement {
  static COUNTS = {
    characters: (text) => [...text].length,
    bytes: (text) => new TextEncoder().encode(text).length,
    tags: (text) => {
      const tags = new Set(text.split(/[,\n]/).map((tag) => tag.trim()).filter(Boolean));
      const lengths = [...tags].map((tag) => [...tag].length + (tag.includes(" ") ? 2 : 0)); // two more for its quotes
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

  // Enable the upload button when the latest preflight check has no error.
  open() {
    const isClear = this.querySelector("#preflight")?.hasAttribute("data-clear");
    const button = this.querySelector("[data-upload]");
    if (button && isClear !== undefined) button.disabled = !isClear;
    const words = this.querySelector("[data-blocked]");
    if (words) words.hidden = isClear;
  }

  // Times are entered as local wall-clock times.
  useZone() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const field = this.querySelector("[name=zone]");
    const moment = this.querySelector("[data-moment]");
    if (!zone || this.querySelector("[aria-invalid]")) return; // a form with errors keeps its zone
    field.value = zone;
    this.querySelectorAll("[data-zone]").forEach((shown) => { shown.textContent = zone; });
    if (moment) {
      const local = new Date(moment.dataset.moment);
      moment.value = new Date(local - local.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
    }
  }
});
