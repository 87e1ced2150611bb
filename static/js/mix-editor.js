"use strict";

// <mix-editor>: the page of one mix. Every action is a form that works without this script. The script sends forms
// one after the other, replaces page elements by id with those of the response, and moves rows at once.
customElements.define("mix-editor", class extends HTMLElement {
  connectedCallback() {
    this.sent = Promise.resolve();
    this.waiting = 0; // requests in flight or queued
    this.known = new Map(); // id -> the server's latest version of that element
    this.moved = null; // timer of an order that is not sent yet
    for (const piece of document.querySelectorAll("#mix-head, #mix-history, #mix-settings, #mix-bar")) this.learn(piece);
    this.addEventListener("click", (event) => this.onClick(event));
    this.addEventListener("keydown", (event) => this.onKey(event));
    this.addEventListener("change", (event) => this.onChange(event));
    this.addEventListener("submit", (event) => this.onSubmit(event));
    document.addEventListener("uploads:changed", () => this.refreshSoon());
    document.addEventListener("uploads:named", (event) => this.announceRows(event.detail));
    document.addEventListener("keydown", (event) => this.onUndoKey(event));
    document.addEventListener("click", (event) => this.onNote(event));
    for (const name of ["dragover", "dragleave", "drop"]) document.addEventListener(name, (event) => this.markDrop(event));
    document.addEventListener("visibilitychange", () => this.poll());
    addEventListener("pagehide", () => this.flush());
    if (window.Sortable) this.sortable();
    this.poll();
  }

  get list() {
    return document.getElementById("track-list");
  }

  get form() {
    return document.getElementById("edit-form");
  }

  // User actions

  onClick(event) {
    const button = event.target.closest("button[name=move]");
    if (button) {
      event.preventDefault();
      const [direction] = button.value.split(":");
      if (button.getAttribute("aria-disabled") !== "true") this.moveRow(button.closest("li"), direction, button);
      return;
    }
    const chip = event.target.closest(".chip-join");
    if (chip?.closest(".is-lean")) return; // a link to the page of the join until the row is whole
    if (chip && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
      event.preventDefault();
      this.togglePanel(chip.closest("li"));
    } else if (event.target.closest("[data-close-panel]")) {
      event.preventDefault();
      this.togglePanel(event.target.closest(".join-row"));
    } else if (event.target.closest("[data-rename]")) {
      event.preventDefault();
      const form = document.getElementById("rename");
      this.renamedFrom = event.target.closest(".menu") ? "#mix-head summary" : "#mix-head .title-link";
      form.classList.toggle("is-open");
      form.querySelector("[name=rename]").select();
    }
  }

  // A note that names a song at its join opens that join.
  onNote(event) {
    const song = event.target.closest("[data-opens-join]")?.dataset.opensJoin;
    const chip = song && document.querySelector(`#join-${song}:not(.is-lean) .chip-join`);
    if (!chip || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    chip.focus();
    if (chip.getAttribute("aria-expanded") !== "true") chip.click();
    else this.showWhole(chip.closest("li"));
  }

  onKey(event) {
    const row = event.target.closest(".track-row");
    const direction = { ArrowUp: "up", ArrowDown: "down", Home: "top", End: "bottom" }[event.key];
    if (event.altKey && row && direction) {
      event.preventDefault();
      this.moveRow(row, direction, event.target);
    } else if (event.key === "Escape" && event.target.closest(".join-place")) {
      this.togglePanel(event.target.closest(".join-row"));
    } else if (event.key === "Escape" && event.target.closest("#rename")) {
      const form = event.target.form;
      form.reset();
      form.classList.remove("is-open");
      document.querySelector(this.renamedFrom || "#mix-head summary")?.focus();
    }
  }

  // Ctrl+Z and Ctrl+Shift+Z outside fields, which have an undo of their own.
  onUndoKey(event) {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    if (event.target.matches?.("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]")) return;
    event.preventDefault();
    this.flush();
    this.sent.then(() => document.querySelector(`#mix-history [name=${event.shiftKey ? "redo" : "undo"}]:enabled`)?.click());
  }

  onChange(event) {
    const form = event.target.closest("form[data-autosave]");
    if (form && form.reportValidity()) this.send(form.action, new FormData(form));
  }

  onSubmit(event) {
    const form = event.target, button = event.submitter;
    if (button?.hasAttribute("data-retry")) {
      event.preventDefault();
      fetch(button.formAction, { method: "POST", headers: this.headers() }).finally(() => this.refreshSoon());
      return;
    }
    if (button?.hasAttribute("formaction") || !form.matches("#edit-form, [data-edit], [data-autosave]")) return;
    event.preventDefault();
    const data = new FormData(form, button);
    this.flush();
    const words = { undo: this.dataset.undone, redo: this.dataset.redone }[button?.name];
    const what = button?.title.split(": ").slice(1).join(": ");
    this.send(form.action, data).then((isSaved) => isSaved && words && this.tell(words.replace("{what}", () => what)));
    form.classList.remove("is-open");
    if (form.id === "rename") document.querySelector(this.renamedFrom || "#mix-head summary")?.focus();
  }

  // Moving rows

  rows() {
    return [...this.list.querySelectorAll(".track-row:not(.is-coming)")];
  }

  moveRow(row, direction, focused) {
    const rows = this.rows();
    const place = rows.indexOf(row);
    const target = { top: 0, up: place - 1, down: place + 1, bottom: rows.length - 1 }[direction];
    if (target < 0 || target >= rows.length || target === place) return;
    rows.splice(place, 1);
    rows.splice(target, 0, row);
    this.lay(rows);
    focused.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
    this.say(row, target, rows.length);
    this.sendOrderSoon();
  }

  // Put rows into an order, each with the join after it, and number them.
  lay(rows) {
    this.arrange(rows.flatMap((row) => [row, document.getElementById(`join-${row.id.slice(4)}`)].filter(Boolean)));
    this.number(rows);
  }

  number(rows) {
    rows.forEach((row, place) => {
      const number = row.querySelector(".track-num");
      if (number.textContent !== String(place + 1)) number.textContent = place + 1;
      for (const button of row.querySelectorAll("button[name=move]")) {
        const isStuck = /^(top|up)/.test(button.value) ? place === 0 : place === rows.length - 1;
        if (isStuck) button.setAttribute("aria-disabled", "true");
        else button.removeAttribute("aria-disabled");
      }
    });
  }

  // Bring the list into this order without moving rows that are in place: lists may have hundreds of rows.
  arrange(items) {
    let next = this.list.firstElementChild;
    for (const item of items) {
      const early = []; // rows here that belong further down: a song and its join at a time
      for (let at = next; at && at !== item && early.length < 4; at = at.nextElementSibling) early.push(at);
      const isNear = early.length ? early.at(-1).nextElementSibling === item : item === next;
      if (isNear) {
        this.list.append(...early);
        next = item.nextElementSibling;
      } else this.list.insertBefore(item, next);
    }
  }

  say(row, place, count) {
    row.classList.remove("is-moved");
    void row.offsetWidth; // force a reflow, so that the flash animation restarts
    row.classList.add("is-moved");
    const words = { title: row.dataset.title, place: place + 1, count };
    this.tell(this.dataset.place.replace(/\{(\w+)\}/g, (_, key) => words[key]));
  }

  // Speak to screen readers, and again where the words are the same.
  tell(words) {
    const region = document.getElementById("announce");
    region.textContent = "";
    requestAnimationFrame(() => { region.textContent = words; });
  }

  sortable() {
    window.Sortable.create(this.list, {
      handle: ".drag",
      draggable: ".track-row",
      animation: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 140,
      onStart: () => this.list.classList.add("is-sorting"),
      onEnd: (event) => {
        this.list.classList.remove("is-sorting");
        const rows = this.rows();
        this.lay(rows);
        if (event.oldDraggableIndex === event.newDraggableIndex) return;
        this.say(event.item, rows.indexOf(event.item), rows.length);
        this.sendOrderSoon();
      },
    });
  }

  sendOrderSoon() {
    clearTimeout(this.moved);
    this.moved = setTimeout(() => this.flush(), 350);
  }

  flush() {
    if (!this.moved) return;
    clearTimeout(this.moved);
    this.moved = null;
    const data = new FormData(this.form);
    data.set("reorder", this.rows().map((row) => row.id.slice(4)).join(","));
    this.send(this.form.action, data);
  }

  // Sending, one at a time

  send(url, data) {
    this.waiting += 1;
    this.sent = this.sent.then(() => this.post(url, data)).finally(() => { this.waiting -= 1; });
    return this.sent;
  }

  isBusy() {
    return Boolean(this.moved || this.waiting);
  }

  // What the page shows has been sent, and the answers are on the page.
  async settled() {
    this.flush();
    await this.sent;
  }

  async post(url, data) {
    data.set("version", this.form.elements.version.value);
    data.set("shown", this.shown());
    try {
      const answer = await fetch(url, { method: "POST", body: data, headers: this.headers(), keepalive: data.has("reorder") });
      if (answer.headers.has("HX-Redirect")) return location.reload(); // signed out elsewhere: reload to sign in and return here
      if (!answer.ok && answer.status !== 409 && answer.status !== 422) throw new Error(answer.status);
      if (answer.status === 409) this.forget();
      await this.patch(await answer.text(), { isRefused: !answer.ok });
      if (answer.ok) this.noteSaved();
      return answer.ok;
    } catch {
      this.forget();
      this.toast(this.dataset.failed);
      document.dispatchEvent(new CustomEvent("mix:failed"));
      await this.refresh({ always: true });
    }
    return false;
  }

  headers() {
    return { "HX-Request": "true", "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"] };
  }

  // Drop an order that was not sent yet: the page then shows the server's order.
  forget() {
    clearTimeout(this.moved);
    this.moved = null;
    this.known.clear();
  }

  // Name all that the page shows: the server sends only what differs.
  shown() {
    return [...document.querySelectorAll("#track-list > [data-digest], #mix-settings")].map((piece) => piece.dataset.digest).join("");
  }

  noteSaved() {
    const saved = document.getElementById("saved");
    saved.textContent = this.dataset.saved;
    clearTimeout(this.savedTimer);
    this.savedTimer = setTimeout(() => { saved.textContent = ""; }, 3000);
  }

  toast(text) {
    document.dispatchEvent(new CustomEvent("toast", { detail: { text, level: "error" } }));
  }

  // Polling while a song is uploaded or analysed

  poll() {
    clearTimeout(this.pollTimer);
    if (document.hidden || !Number(this.form.dataset.working)) return;
    this.pollTimer = setTimeout(() => this.refresh(), 2000);
  }

  // At most every 300 ms: a stream of events must not put it off for ever.
  refreshSoon() {
    this.soon ||= setTimeout(() => {
      this.soon = null;
      this.refresh();
    }, 300);
  }

  // Rows of files that are not announced yet, from their names; each gives way to the row the server sends for it.
  announceRows({ songs }) {
    this.coming = songs;
    this.drawComing();
  }

  drawComing() {
    const old = [...this.list.querySelectorAll(".is-coming")], songs = this.coming || [];
    for (const row of old) row.remove();
    for (const { name, before } of songs) {
      const row = document.getElementById("coming-row").content.firstElementChild.cloneNode(true);
      row.querySelector(".track-name strong").textContent = name;
      row.querySelector("progress").setAttribute("aria-label", `${this.dataset.coming} ${name}`);
      row.querySelector(".track-facts span").textContent = this.dataset.coming;
      this.list.insertBefore(row, before ? document.getElementById(`row-${before}`) : null);
    }
    if (songs.length) document.getElementById("no-rows")?.remove();
    if (songs.length || old.length) this.number([...this.list.querySelectorAll(".track-row")]);
  }

  // Files that are dragged over the list

  // The song before which files are dropped here: its id, or nothing at the end.
  placeOfDrop(event) {
    const over = event.target.closest?.("#track-list > li"), box = over?.getBoundingClientRect();
    const isBefore = over?.matches(".track-row") && event.clientY < box.top + box.height / 2;
    let row = isBefore ? over : over?.nextElementSibling;
    while (row && !row.matches(".track-row:not(.is-coming)")) row = row.nextElementSibling;
    return row?.id.slice(4) ?? "";
  }

  // Show where dropped files would go; nothing once they are dropped or leave the window.
  markDrop(event) {
    const isOver = event.type === "dragover" && event.dataTransfer?.types.includes("Files");
    const place = isOver ? this.placeOfDrop(event) : "";
    const row = place && document.getElementById(`row-${place}`);
    this.list.querySelectorAll(".is-drop-place").forEach((old) => old === row || old.classList.remove("is-drop-place"));
    if (row) row.classList.add("is-drop-place");
    this.querySelector(".drop-frame").classList.toggle("is-between", Boolean(row));
  }

  async refresh({ always = false, whole = false } = {}) {
    if (this.moved || (this.waiting && !always)) return this.poll();
    const body = new URLSearchParams(always ? {} : { seen: this.form.dataset.seen });
    if (!whole) body.set("shown", this.shown());
    try {
      const answer = await fetch(this.form.dataset.stateUrl, { method: "POST", body, headers: this.headers() });
      if (answer.headers.has("HX-Redirect")) return location.reload();
      if (answer.status === 200 && !this.moved && (always || !this.waiting)) await this.patch(await answer.text(), { isWhole: whole });
    } catch { /* the next poll may reach the site again */ }
    this.poll();
  }

  // Applying the response

  async patch(html, { isRefused = false, isWhole = false } = {}) {
    const answer = document.createElement("template");
    answer.innerHTML = html;
    const focus = this.focusKey();
    const list = answer.content.getElementById("track-list");
    if (list && !this.moved && !this.canPlace(list) && !isWhole) return this.refresh({ always: true, whole: true });
    for (const piece of [...answer.content.children]) {
      if (piece.id === "toasts") document.getElementById("toasts").append(...piece.children);
      else if (piece.id === "track-list") this.patchList(piece);
      else this.patchPiece(piece, isRefused);
    }
    this.restoreFocus(focus);
    this.poll();
  }

  learn(piece) {
    this.known.set(piece.id, this.words(piece));
  }

  // Ignore indentation, the CSRF token and the version, which differ in every response but are invisible.
  words(piece) {
    return piece.outerHTML.replace(/\n\s+/g, "\n").replace(/name="(csrfmiddlewaretoken|version)" value="[^"]*"/g, "");
  }

  patchPiece(fresh, isRefused) {
    const old = document.getElementById(fresh.id);
    if (!old) return;
    if (fresh.id === "edit-form") return this.renew(fresh, old);
    if (this.known.get(fresh.id) === this.words(fresh)) return;
    this.learn(fresh);
    if (old.takeOver) {
      if (this.waiting > 1) return void this.known.delete(fresh.id); // newer changes wait: their answer will show them
      old.takeOver(fresh, { isRefused });
      return this.arrived(old);
    }
    const field = document.activeElement; // a browser may keep a hidden one focused for a while
    const isTyping = old.contains(field) && field.offsetWidth > 0 && field.matches("input:not([type=radio], [type=checkbox]), textarea");
    if (isTyping && !isRefused) {
      for (const part of fresh.querySelectorAll("[data-piece]")) document.getElementById(part.id)?.replaceWith(part);
      return;
    }
    const open = [...old.querySelectorAll("details.fold")].map((fold) => fold.open);
    fresh.querySelectorAll("details.fold").forEach((fold, place) => { fold.open ||= open[place]; });
    old.replaceWith(fresh);
    if (fresh.id === "mix-head") document.title = document.title.replace(/^.*(?= · )/, () => fresh.querySelector("h1").textContent.trim());
    this.arrived(fresh);
  }

  // Keep the form element: a new one would have to associate all its buttons again, which may be thousands.
  renew(fresh, form) {
    for (const { name, value } of fresh.attributes) form.setAttribute(name, value);
    for (const field of fresh.querySelectorAll("input")) form.elements[field.name].value = field.value;
  }

  // The order of the answer: [id, start in the mix or undefined while it is not planned].
  placesIn(list) {
    return list.dataset.places.split(" ").filter(Boolean).map((place) => place.split("="));
  }

  // The ids of the list's rows: each planned song but the last is followed by a join.
  idsOf(places) {
    const last = places.findLastIndex(([, start]) => start);
    return places.flatMap(([id, start], place) => (start && place !== last ? [`row-${id}`, `join-${id}`] : [`row-${id}`]));
  }

  canPlace(list) {
    const fresh = new Set([...list.children].map((row) => row.id));
    return this.idsOf(this.placesIn(list)).every((id) => fresh.has(id) || document.getElementById(id));
  }

  // The answer holds the rows that differ, and the order and the starts of all.
  patchList(fresh) {
    if (this.moved) return; // newer moves are pending: their own response will show them
    const places = this.placesIn(fresh);
    const changed = new Map([...fresh.children].map((row) => [row.id, row]));
    const rows = this.idsOf(places).map((id) => (changed.has(id) ? this.patchRow(changed.get(id)) : document.getElementById(id)));
    if (changed.has("no-rows")) rows.push(changed.get("no-rows"));
    const stay = new Set(rows);
    const come = rows.filter((row) => !row.isConnected && row.matches(".track-row")).length;
    this.coming?.splice(0, come);
    for (const row of [...this.list.children]) if (!stay.has(row)) row.remove();
    this.arrange(rows);
    this.number(this.rows());
    this.paint(places);
    this.drawComing();
    rows.filter((row) => changed.has(row.id)).forEach((row) => this.arrived(row));
    if (!changed.size) this.arrived(this.list.lastElementChild);
  }

  // Replace short rows by the whole ones of this answer.
  widen(html) {
    const answer = document.createElement("template");
    answer.innerHTML = html;
    const list = answer.content.getElementById("track-list"), focus = this.focusKey();
    const wide = [...list.children].filter((row) => document.getElementById(row.id)?.matches(".is-lean"));
    for (const row of wide) document.getElementById(row.id).replaceWith(row);
    this.number(this.rows());
    this.paint(this.placesIn(list));
    wide.forEach((row) => this.arrived(row));
    this.restoreFocus(focus);
  }

  // Show where each song begins, and give planned songs the two inks in turn.
  paint(places) {
    let planned = 0;
    for (const [id, start] of places) {
      const row = document.getElementById(`row-${id}`);
      if (!start || !row) continue;
      const ink = ["odd", "even"][planned++ % 2];
      row.classList.remove("ink-odd", "ink-even");
      row.classList.add(`ink-${ink}`);
      const cell = row.querySelector(".track-start"), wave = row.querySelector("img.wave");
      if (cell && cell.textContent !== start) cell.textContent = start;
      const drawn = wave?.getAttribute("src").split("#");
      if (drawn && drawn[1] !== ink) wave.setAttribute("src", `${drawn[0]}#${ink}`);
    }
  }

  patchRow(fresh) {
    const old = document.getElementById(fresh.id);
    if (!old) return fresh;
    if (old.dataset.digest === fresh.dataset.digest && !old.matches(".is-lean")) return old;
    if (this.patchCells(old, fresh)) return old;
    if (this.patchJoin(old, fresh)) return old;
    const panel = old.querySelector(".join-place > *");
    if (panel) {
      fresh.querySelector(".join-place").append(panel);
      fresh.querySelector(".chip-join").setAttribute("aria-expanded", "true");
      if (fresh.dataset.pair !== old.dataset.pair) queueMicrotask(() => this.load(fresh));
    }
    old.replaceWith(fresh);
    return fresh;
  }

  // A join that is open stays where it is: what is around its panel is replaced.
  patchJoin(old, fresh) {
    if (fresh.dataset.pair !== old.dataset.pair || !old.querySelector(".join-place > *")) return false;
    fresh.querySelector(".chip-join").setAttribute("aria-expanded", "true");
    for (const cell of [...fresh.children]) {
      if (!cell.matches(".join-place")) old.querySelector(`:scope > .${cell.classList[0]}`).replaceWith(cell);
    }
    for (const { name, value } of fresh.attributes) if (name !== "class") old.setAttribute(name, value);
    return true;
  }

  // Replace only the cells of a song's row that differ; return false if the rows have different structures.
  patchCells(old, fresh) {
    const cells = [...old.children], freshCells = [...fresh.children];
    if (!old.matches(".track-row") || cells.length !== freshCells.length) return false;
    if (cells.some((cell, place) => cell.className !== freshCells[place].className)) return false;
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    cells.forEach((cell, place) => {
      if (this.words(cell) !== this.words(freshCells[place])) cell.replaceWith(freshCells[place]);
    });
    return true;
  }

  arrived(piece) {
    window.htmx.process(piece);
    window.htmx.trigger(piece, "htmx:load", { elt: piece });
  }

  focusKey() {
    const focused = document.activeElement;
    if (!focused || focused === document.body || !focused.closest("mix-editor, #mix-bar")) return null;
    const { id, name, value, type, className: kind } = focused;
    return { focused, owner: focused.closest("[id]:not(:focus)")?.id, id, name, value, type, kind };
  }

  restoreFocus(key) {
    if (!key || key.focused.isConnected) {
      if (key && document.activeElement !== key.focused) key.focused.focus({ preventScroll: true });
      return;
    }
    const owner = document.getElementById(key.owner);
    const same = (other) => other.name === key.name && other.type === key.type && other.className === key.kind
      && (!/radio|submit/.test(key.type) || other.value === key.value);
    const found = document.getElementById(key.id) || [...(owner?.querySelectorAll("a, button, input, select, summary, textarea") || [])].find(same);
    found?.focus({ preventScroll: true });
  }

  // The panel of a join

  async togglePanel(row) {
    const place = row.querySelector(".join-place"), chip = row.querySelector(".chip-join");
    const isOpen = place.childElementCount > 0;
    chip.setAttribute("aria-expanded", String(!isOpen));
    if (!isOpen) return this.load(row);
    if (place.contains(document.activeElement)) chip.focus();
    place.replaceChildren();
  }

  // Scroll just so far that the open panel is seen, but never its chip under the bar at the top.
  showWhole(row) {
    const top = document.querySelector(".order-head").getBoundingClientRect().height + 8;
    const bottom = document.querySelector(".bottom-bars").getBoundingClientRect().top - 8;
    const box = row.getBoundingClientRect();
    const down = Math.min(box.bottom - bottom, box.top - top);
    if (box.top < top) scrollBy({ top: box.top - top });
    else if (down > 0) scrollBy({ top: down });
  }

  async load(row) {
    const place = row.querySelector(".join-place"), chip = row.querySelector(".chip-join");
    try {
      const answer = await fetch(chip.href, { headers: this.headers() });
      if (answer.headers.has("HX-Redirect")) return location.reload();
      if (!answer.ok) throw new Error(answer.status);
      place.innerHTML = await answer.text();
      this.learn(place.firstElementChild);
      this.arrived(place.firstElementChild);
      this.showWhole(row);
    } catch {
      place.replaceChildren();
      chip.setAttribute("aria-expanded", "false");
      this.toast(document.body.dataset.failed);
    }
  }
});
