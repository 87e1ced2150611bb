"use strict";

// <pick-rows>: a list whose rows are ticked. Arrow keys lead from box to box; with Shift, a press or an arrow key does
// to all boxes on its way what was done to the last one. Without this script each box is ticked by itself.
customElements.define("pick-rows", class extends HTMLElement {
  connectedCallback() {
    this.last = null; // the box that was ticked or cleared last
    this.addEventListener("click", (event) => this.onClick(event));
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.addEventListener("change", () => this.count());
    for (const hint of this.querySelectorAll("[data-hint]")) hint.hidden = false;
    this.count();
  }

  get boxes() {
    return [...this.querySelectorAll("input[type=checkbox]")];
  }

  onClick(event) {
    const boxes = this.boxes, here = boxes.indexOf(event.target), last = boxes.indexOf(this.last);
    if (here < 0) return;
    if (event.shiftKey && last >= 0) {
      for (const box of boxes.slice(Math.min(here, last), Math.max(here, last) + 1)) box.checked = this.last.checked;
    }
    this.last = event.target;
    this.count();
  }

  onKey(event) {
    const boxes = this.boxes, here = boxes.indexOf(event.target);
    const next = boxes[here + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? 0)];
    if (here < 0 || !next || next === event.target || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (event.shiftKey) next.checked = event.target.checked;
    this.last = next;
    next.focus();
    this.count();
  }

  count() {
    const place = this.querySelector("[data-picked]"), words = String(this.boxes.filter((box) => box.checked).length);
    if (place && place.textContent !== words) place.textContent = words;
  }
});
