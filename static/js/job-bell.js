"use strict";

// <job-bell>: offers a browser notification when the job ends, where browsers support it. Also announces the
// stage to screen readers when it changes, instead of at every poll.
(() => {
  class JobBell extends HTMLElement {
    connectedCallback() {
      if (!("Notification" in window) || !window.isSecureContext || Notification.permission === "denied") return;
      this.hidden = false;
      this.querySelector("button").addEventListener("click", () => this.ask());
      this.show();
    }

    async ask() {
      await Notification.requestPermission();
      this.show();
    }

    show() {
      const allowed = Notification.permission === "granted";
      this.querySelector("button").hidden = allowed;
      this.querySelector("[role=status]").textContent = allowed ? this.dataset.on : "";
      if (Notification.permission === "denied") this.hidden = true;
    }
  }

  // The response to the last poll carries this event; the page reloads right after it.
  document.addEventListener("job-ended", (event) => {
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    try {
      new Notification(event.detail.title, { body: event.detail.text, tag: location.pathname });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // Chrome on Android allows notifications from workers only
    }
  });

  document.addEventListener("htmx:afterSwap", () => {
    const said = document.getElementById("job-said");
    const stage = document.querySelector("#job-status .job-stage strong")?.textContent;
    if (said && stage && said.textContent !== stage) said.textContent = stage;
  });

  customElements.define("job-bell", JobBell);
})();
