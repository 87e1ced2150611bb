// The picture under pointers: a press plays from there, a drag on B moves B and a drag elsewhere the view, two
// fingers zoom, and so does the wheel with Ctrl. Places are pixels from the left edge.

const CLICK_PX = 4; // a pointer that moved less did not drag
const FINGERS_PX = 8; // closer fingers do not zoom
const WHEEL_PX = 300; // for twice as many seconds

export class Surface {
  // act: {isBody(x, y), begin(), drag(x, event), end(), cancel(), pan(pixels), zoom(factor, x), play(x)}
  constructor(stage, act, signal) {
    Object.assign(this, { stage, act, pointers: new Map(), wasDragged: false, isSliding: false });
    stage.addEventListener("pointerdown", (event) => this.press(event), { signal });
    stage.addEventListener("wheel", (event) => this.wheel(event), { signal, passive: false });
  }

  place({ clientX, clientY }) {
    const { left, top } = this.stage.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  press(event) {
    if (event.button !== 0) return;
    const { x, y } = this.place(event);
    this.pointers.set(event.pointerId, x);
    if (this.pointers.size === 1) this.wasDragged = false;
    else this.stopSliding(); // two fingers zoom
    const isBody = this.pointers.size === 1 && this.act.isBody(x, y);
    const follow = new AbortController(), { signal } = follow;
    const move = (now) => {
      if (now.pointerId !== event.pointerId) return;
      if (isBody && this.pointers.size === 1) this.slide(now, x);
      else this.pan(now, x);
    };
    const stop = (up) => {
      if (up.pointerId !== event.pointerId) return;
      follow.abort();
      this.pointers.delete(event.pointerId);
      if (this.isSliding) {
        this.isSliding = false;
        this.act.end();
      } else if (up.type === "pointerup" && !this.wasDragged) this.act.play(this.place(up).x);
    };
    this.stage.setPointerCapture(event.pointerId);
    this.stage.addEventListener("pointermove", move, { signal });
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, stop, { signal });
  }

  slide(move, first) {
    const { x } = this.place(move);
    if (!this.isSliding) {
      if (Math.abs(x - first) < CLICK_PX) return;
      this.isSliding = this.wasDragged = true;
      this.act.begin();
    }
    this.act.drag(x - first, move);
    this.pointers.set(move.pointerId, x);
  }

  stopSliding() {
    if (this.isSliding) this.act.cancel();
    this.isSliding = false;
  }

  pan(move, first) {
    const { x } = this.place(move), last = this.pointers.get(move.pointerId);
    if (!this.wasDragged && this.pointers.size === 1 && Math.abs(x - first) < CLICK_PX) return;
    this.wasDragged = true;
    const others = [...this.pointers].filter(([id]) => id !== move.pointerId).map(([, at]) => at);
    if (others.length) {
      const [before, now] = [Math.abs(last - others[0]), Math.abs(x - others[0])];
      if (before > FINGERS_PX && now > FINGERS_PX) this.act.zoom(before / now, (x + others[0]) / 2);
    }
    this.act.pan((x - last) / (1 + others.length));
    this.pointers.set(move.pointerId, x);
  }

  wheel(event) {
    if (event.ctrlKey || event.metaKey) this.act.zoom(2 ** (event.deltaY / WHEEL_PX), this.place(event).x);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) this.act.pan(-event.deltaX);
    else return;
    event.preventDefault();
  }
}
