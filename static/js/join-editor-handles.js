// The handles over the picture: sliders for pointer, touch and keyboard. They say what they were asked for; the editor
// decides what becomes of it.

const STEP_S = 0.01;
const LARGE_STEP_S = 0.1;
const STEP_DB = 0.5;
const LARGE_STEP_DB = 2;
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 1, PageDown: -1 };
const AFTER_KEYS_MS = 600; // keys pressed in a row are one change

export class Handles {
  // act: {begin(name), drag(name, {x, y} in pixels since the beginning, event), step(name, amount), stepBeat(name, direction), reset(name), end(name)}
  constructor(stage, act, signal) {
    this.act = act;
    this.all = new Map([...stage.querySelectorAll("[data-handle]")].map((handle) => [handle.dataset.handle, handle]));
    for (const [name, handle] of this.all) {
      handle.addEventListener("pointerdown", (event) => {
        event.stopPropagation();
        this.grab(name, handle, event);
      }, { signal });
      handle.addEventListener("keydown", (event) => this.key(name, event), { signal });
      handle.addEventListener("dblclick", () => act.reset(name), { signal });
    }
  }

  isLevel(name) {
    return name.startsWith("gain");
  }

  // Follow a pointer from where it went down until it lets go; `element` keeps it.
  grab(name, element, down) {
    if (down.button !== 0 || !down.isPrimary) return;
    down.preventDefault();
    this.finishKeys();
    this.all.get(name)?.focus({ preventScroll: true });
    element.setPointerCapture(down.pointerId);
    const over = new AbortController(), { signal } = over;
    this.act.begin(name);
    element.addEventListener("pointermove", (event) => {
      if (event.pointerId === down.pointerId) this.act.drag(name, { x: event.clientX - down.clientX, y: event.clientY - down.clientY }, event);
    }, { signal });
    const letGo = (event) => {
      if (event.pointerId !== down.pointerId) return;
      over.abort();
      this.act.end(name);
    };
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture"]) element.addEventListener(kind, letGo, { signal });
  }

  key(name, event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Home") {
      event.preventDefault();
      this.finishKeys();
      this.act.reset(name);
      return;
    }
    const direction = KEYS[event.key];
    if (!direction) return;
    event.preventDefault();
    if (this.keyed !== name) {
      this.finishKeys();
      this.act.begin(name);
      this.keyed = name;
    }
    if (event.key.startsWith("Page") && !this.isLevel(name)) this.act.stepBeat(name, direction);
    else this.act.step(name, direction * this.stepOf(name, event));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.finishKeys(), AFTER_KEYS_MS);
  }

  stepOf(name, { key, shiftKey }) {
    if (this.isLevel(name)) return shiftKey || key.startsWith("Page") ? LARGE_STEP_DB : STEP_DB;
    return shiftKey ? LARGE_STEP_S : STEP_S;
  }

  finishKeys() {
    clearTimeout(this.timer);
    const name = this.keyed;
    this.keyed = null;
    if (name) this.act.end(name);
  }

  place(name, x, y, { isHidden = false } = {}) {
    const handle = this.all.get(name);
    handle.hidden = isHidden;
    handle.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
  }

  say(name, { now, least, most, words }) {
    const handle = this.all.get(name);
    const values = { "aria-valuenow": now.toFixed(2), "aria-valuemin": least.toFixed(2), "aria-valuemax": most.toFixed(2), "aria-valuetext": words };
    for (const [attribute, value] of Object.entries(values)) {
      if (handle.getAttribute(attribute) !== value) handle.setAttribute(attribute, value);
    }
  }
}
