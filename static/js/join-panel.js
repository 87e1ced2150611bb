"use strict";

// <join-panel>: a number typed as the overlap is "Mine" in the menu, another choice of the menu empties it.
customElements.define("join-panel", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => this.follow(event.target));
  }

  follow(field) {
    const menu = this.querySelector("select[name=length]"), number = this.querySelector("input[name=overlap]");
    if (field === number) menu.value = number.value ? "set" : "mix";
    if (field === menu && menu.value !== "set") number.value = "";
  }
});
