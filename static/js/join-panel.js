"use strict";

// <join-panel>: one join. A number typed as the overlap is "Mine" in the menu, another choice of the menu empties it.
// It loads the editor of the picture, keeps it when the server sends the panel again, leads to the joins beside it,
// and covers a phone's whole screen.
(() => {
  const PHONE = "(max-width: 37.5rem)";
  const LIVE = "join-editor"; // stays: it may be playing, or under a pointer
  const TYPED = "input:not([type=radio], [type=checkbox]), textarea";

  let isStepping = false; // from one join to the next: the new panel takes the focus

  class JoinPanel extends HTMLElement {
    connectedCallback() {
      this.leaving = new AbortController();
      const options = { signal: this.leaving.signal };
      this.addEventListener("input", (event) => this.follow(event.target), options);
      this.addEventListener("click", (event) => this.choose(event), options);
      (this.row ?? this).addEventListener("keydown", (event) => this.key(event), options);
      document.addEventListener("htmx:load", () => setTimeout(() => this.renew()), options);
      document.addEventListener("mix:failed", () => this.goBack(), options);
      if (!this.closest("mix-editor")) this.saveAlone(options);
      import(this.dataset.editor);
      if (this.row && matchMedia(PHONE).matches) this.cover();
      if (isStepping) queueMicrotask(() => this.querySelector("[data-act=play]").focus()); // it is shown by then
      isStepping = false;
    }

    disconnectedCallback() {
      this.leaving.abort();
      this.uncover();
    }

    get row() {
      return this.closest(".join-row");
    }

    follow(field) {
      const menu = this.querySelector("select[name=length]"), number = this.querySelector("input[name=overlap]");
      if (field === number) menu.value = number.value ? "set" : "mix";
      if (field === menu && menu.value !== "set") number.value = "";
    }

    // Show the panel as the server sent it again, around the editor and the field that is being typed in.
    takeOver(fresh, { isRefused = false } = {}) {
      const field = document.activeElement, isTyped = field?.matches(TYPED) && this.contains(field) && !isRefused;
      for (const part of [...fresh.children]) {
        const old = [...this.children].find((mine) => mine.tagName === part.tagName && mine.id === part.id && mine.className === part.className);
        if (!old || old.matches(LIVE)) continue;
        if (isTyped && old.contains(field)) this.takeFields(old, part, field);
        else old.replaceWith(part);
      }
      this.querySelector(LIVE)?.readPage?.();
    }

    takeFields(old, fresh, typing) {
      for (const field of fresh.querySelectorAll("input, select")) {
        const isSame = (other) => other.name === field.name && other.type === field.type && (field.type !== "radio" || other.value === field.value);
        const mine = [...old.querySelectorAll("input, select")].find(isSame);
        if (!mine || mine === typing) continue;
        if (field.type === "radio" || field.type === "checkbox") mine.checked = field.checked;
        else mine.value = field.value;
      }
    }

    // The mix was changed elsewhere on the page, as by Undo: show what became of this join.
    async renew() {
      const version = document.getElementById("edit-form")?.elements.version.value;
      if (!this.isConnected || !this.row || !version || version === this.version || document.querySelector("mix-editor").isBusy()) return;
      this.version = version;
      const fresh = await this.ask(this.row.querySelector(".chip-join").href);
      if (fresh && this.isConnected) this.takeOver(fresh);
    }

    get version() {
      return this.querySelector("input[name=version]")?.value;
    }

    set version(value) {
      this.querySelector("input[name=version]").value = value;
    }

    // What was changed could not be saved: show what is.
    goBack() {
      this.querySelector("form").reset();
      this.querySelector(LIVE)?.readPage?.();
    }

    // On a page of its own the panel saves its form itself.
    saveAlone(options) {
      const form = () => this.querySelector("form");
      this.addEventListener("change", (event) => form().contains(event.target) && this.save(new FormData(form())), options);
      this.addEventListener("submit", (event) => {
        if (event.submitter?.hasAttribute("formaction")) return;
        event.preventDefault();
        this.save(new FormData(form(), event.submitter));
      }, options);
    }

    async save(body) {
      const fresh = await this.ask(this.querySelector("form").action, { method: "POST", body });
      if (fresh) this.takeOver(fresh, { isRefused: true });
      else this.goBack();
    }

    // Fetch this panel; nothing, with a word to the user, where that fails.
    async ask(address, options = {}) {
      const { "X-CSRFToken": token } = JSON.parse(document.body.getAttribute("hx-headers"));
      try {
        const answer = await fetch(address, { ...options, headers: { "HX-Request": "true", "X-CSRFToken": token } });
        if (!answer.ok && answer.status !== 422 && answer.status !== 409) throw new Error(answer.status);
        const page = document.createElement("template");
        page.innerHTML = await answer.text();
        return page.content.getElementById(this.id);
      } catch {
        document.dispatchEvent(new CustomEvent("toast", { detail: { text: document.body.dataset.failed, level: "error" } }));
        return null;
      }
    }

    // The joins beside this one

    neighbour(direction) {
      const chips = [...document.querySelectorAll(".join-row .chip-join")];
      return chips[chips.indexOf(this.row?.querySelector(".chip-join")) + direction];
    }

    choose(event) {
      const link = event.target.closest("[data-step]");
      if (!link || !this.row) return;
      event.preventDefault();
      this.leaveFor(this.neighbour(Number(link.dataset.step)));
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches(`${TYPED}, select`)) return;
      const direction = { "[": -1, "]": 1 }[event.key];
      if (!direction || !this.row) return;
      event.preventDefault();
      this.leaveFor(this.neighbour(direction));
    }

    leaveFor(chip) {
      if (!chip) return;
      isStepping = true;
      this.isLeaving = true; // the sheet of the next join takes this one's place in the history
      this.row.querySelector(".chip-join").click();
      chip.click();
    }

    // On a phone: a sheet over the whole screen, closed by Back

    cover() {
      this.classList.add("is-sheet");
      document.documentElement.classList.add("has-sheet");
      if (history.state?.sheet !== "join") history.pushState({ sheet: "join" }, "");
      addEventListener("popstate", () => {
        this.wasBack = true;
        if (this.isConnected) this.row.querySelector(".chip-join").click();
      }, { signal: this.leaving.signal });
      this.others = [];
      for (let part = this; part.parentElement && part !== document.body; part = part.parentElement) {
        for (const other of part.parentElement.children) {
          if (other !== part && !other.inert && !other.matches("script, track-player, .bottom-bars, #toasts")) this.others.push(other);
        }
      }
      for (const other of this.others) other.inert = true;
      this.querySelector(".card-head a, .card-head button")?.focus({ preventScroll: true });
    }

    uncover() {
      if (!this.others) return;
      for (const other of this.others) other.inert = false;
      this.others = null;
      document.documentElement.classList.remove("has-sheet");
      if (!this.wasBack && !this.isLeaving && history.state?.sheet === "join") history.back();
    }
  }

  customElements.define("join-panel", JoinPanel);
})();
