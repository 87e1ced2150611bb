"use strict";

// <look-editor>: saves a text when its field loses focus, and previews it while typing.
customElements.define("look-editor", class extends HTMLElement {
  connectedCallback() {
    this.sent = Promise.resolve();
    this.addEventListener("input", (event) => this.previewSoon(event.target.form));
    this.addEventListener("change", (event) => this.onChange(event));
    this.addEventListener("pointerdown", (event) => this.dragPicture(event));
  }

  // The picture follows the pointer: its focus moves the other way, and is saved when it is let go.
  dragPicture(event) {
    const picture = event.target.closest("#look-frames img");
    const fields = document.getElementById("video-form").elements;
    if (!picture || fields["look-fill"].value !== "fill") return;
    event.preventDefault();
    picture.setPointerCapture(event.pointerId);
    const [x, y] = [fields["look-focus_x"], fields["look-focus_y"]];
    const [fromX, fromY] = [Number(x.value), Number(y.value)];
    const moved = (start, pixels, side) => String(Math.min(100, Math.max(0, Math.round(start - (100 * pixels) / side))));
    picture.onpointermove = (now) => {
      x.value = moved(fromX, now.clientX - event.clientX, picture.clientWidth);
      y.value = moved(fromY, now.clientY - event.clientY, picture.clientHeight);
    };
    picture.onlostpointercapture = () => {
      picture.onpointermove = null;
      x.dispatchEvent(new Event("change", { bubbles: true }));
    };
  }

  onChange(event) {
    const form = event.target.form;
    if (event.target.type === "file") form.requestSubmit();
    else if (form?.hasAttribute("data-autosave") && form.reportValidity()) this.sent = this.sent.then(() => this.save(form));
  }

  previewSoon(form) {
    if (!form?.hasAttribute("data-preview")) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.preview(form), 300);
  }

  async preview(form) {
    const data = new FormData(form);
    data.set("preview", "1");
    const number = (this.asked = (this.asked || 0) + 1);
    const answer = await this.post(form, data).catch(() => null);
    if (answer?.ok && !answer.headers.has("HX-Redirect") && number === this.asked) this.put(await answer.text());
  }

  async save(form) {
    const data = new FormData(form);
    data.set("version", document.querySelector("#look-form [name=version]").value);
    try {
      const answer = await this.post(form, data);
      if (answer.headers.has("HX-Redirect")) return location.reload();
      if (!answer.ok && answer.status !== 409 && answer.status !== 422) throw new Error(answer.status);
      this.put(await answer.text(), { isRefused: !answer.ok });
      if (answer.ok) this.noteSaved();
    } catch {
      document.dispatchEvent(new CustomEvent("toast", { detail: { text: this.dataset.failed, level: "error" } }));
    }
  }

  post(form, data) {
    const headers = { "HX-Request": "true", "X-CSRFToken": data.get("csrfmiddlewaretoken") };
    return fetch(form.action, { method: "POST", body: data, headers });
  }

  // After a successful save only the version changes: replacing the form could lose what the user is typing.
  put(html, { isRefused = false } = {}) {
    const answer = document.createElement("template");
    answer.innerHTML = html;
    for (const piece of [...answer.content.children]) {
      const old = document.getElementById(piece.id);
      if (piece.id === "look-title") document.title = document.title.replace(old.textContent, () => piece.textContent);
      if (piece.id === "toasts") old.append(...piece.children);
      else if (piece.matches("#look-form, #video-form") && !isRefused) {
        old.elements.version.value = piece.elements.version.value;
        old.querySelector("#look-frames")?.replaceWith(piece.querySelector("#look-frames"));
      }
      else old?.replaceWith(piece);
    }
  }

  noteSaved() {
    const saved = document.getElementById("saved");
    saved.textContent = ` · ${this.dataset.saved}`;
    clearTimeout(this.savedTimer);
    this.savedTimer = setTimeout(() => { saved.textContent = ""; }, 3000);
  }
});
