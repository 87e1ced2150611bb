// Writes the tempo at which its button is pressed into a field, from the fourth press on.
const FEWEST_TAPS = 4;
const PAUSE_MS = 2500; // after it, a new count begins

customElements.define("tap-tempo", class extends HTMLElement {
  connectedCallback() {
    this.taps = [];
    const button = this.querySelector("button");
    button.hidden = false;
    button.addEventListener("click", (event) => this.tap(event.timeStamp));
  }

  tap(now) {
    if (this.taps.length && now - this.taps.at(-1) > PAUSE_MS) this.taps = [];
    this.taps.push(now);
    if (this.taps.length < FEWEST_TAPS) return;
    const beatMs = (now - this.taps[0]) / (this.taps.length - 1);
    document.getElementById(this.dataset.field).value = (60000 / beatMs).toFixed(1);
  }
});
