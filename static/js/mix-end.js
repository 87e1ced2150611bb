"use strict";

// <mix-end seconds="1262" data-words="ends at {time} if played now">: in the browser's time zone.
customElements.define("mix-end", class extends HTMLElement {
  connectedCallback() {
    this.show();
    this.timer = setInterval(() => this.show(), 20_000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  show() {
    const end = new Date(Date.now() + Number(this.getAttribute("seconds")) * 1000);
    const time = end.toLocaleTimeString(document.documentElement.lang || undefined, { timeStyle: "short" });
    this.textContent = ` · ${this.dataset.words.replace("{time}", time)}`;
  }
});
