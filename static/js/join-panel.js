"use strict";

// <join-panel>: keeps the slider, the number and the select in sync.
customElements.define("join-panel", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("input", (event) => this.follow(event.target));
  }

  follow(field) {
    const slider = this.querySelector("input[type=range]");
    const number = this.querySelector("input[name=seconds]");
    if (field !== slider && field !== number) return;
    if (field === slider) number.value = slider.value;
    else slider.value = number.value;
    this.querySelector("input[name=length][value=set]").checked = true;
  }
});
