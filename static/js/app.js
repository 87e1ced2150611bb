"use strict";

// Used on every page: toasts, menus, dialogs, Copy buttons, times in the browser's time zone.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const TOAST_SECONDS = 7;
  const HTTP_WORDS = { 403: "refused", 404: "gone", 410: "gone", 429: "tooFast" };

  // Toasts

  function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    const use = document.createElementNS(SVG, "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${document.body.dataset.icons}#${name}`);
    svg.append(use);
    return svg;
  }

  function showToast(text, level = "info") {
    const shown = document.getElementById("toasts");
    if (!shown || [...shown.querySelectorAll("p")].some((p) => p.textContent === text)) return;
    const toast = document.createElement("div");
    toast.className = `toast toast-${level}`;
    if (level === "error") toast.setAttribute("role", "alert");
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "btn btn-icon";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", document.body.dataset.close);
    close.append(icon("close"));
    toast.append(icon({ success: "check", warning: "warning", error: "warning" }[level] || "info"), words, close);
    shown.append(toast);
  }

  // A toast closes by itself, unless it reports an error or has the pointer or focus.
  function leaveLater(toast) {
    if (toast.matches(".toast-error, .toast-warning")) return;
    setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) leaveLater(toast);
      else toast.remove();
    }, TOAST_SECONDS * 1000);
  }

  function watchToasts() {
    const shown = document.getElementById("toasts");
    if (!shown) return;
    shown.querySelectorAll(".toast").forEach(leaveLater);
    new MutationObserver((changes) => {
      for (const change of changes) change.addedNodes.forEach((node) => node.classList?.contains("toast") && leaveLater(node));
    }).observe(shown, { childList: true });
  }

  document.addEventListener("toast", (event) => showToast(event.detail.text, event.detail.level));
  document.addEventListener("htmx:responseError", (event) => {
    const words = document.body.dataset;
    showToast(words[HTTP_WORDS[event.detail.xhr.status]] || words.failed, "error");
  });
  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(name, () => showToast(document.body.dataset.offline, "error"));
  }

  // Menus, dialogs, closing

  function closeMenus(except) {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      if (menu !== except) menu.open = false;
    });
  }

  // A menu without room below it opens upward, if there is more room above.
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.menu") || !menu.open) return;
    menu.classList.remove("opens-up");
    const list = menu.querySelector(".menu-list")?.getBoundingClientRect();
    if (!list || menu.closest(".bottom-bars")) return;
    const bars = document.querySelector(".bottom-bars")?.getBoundingClientRect();
    const bottom = Math.min(innerHeight, bars?.height ? bars.top : innerHeight);
    const above = menu.getBoundingClientRect().top;
    menu.classList.toggle("opens-up", list.bottom > bottom && above > list.height);
  }, true);

  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-dismiss], [data-opens], .menu-list a, .menu-list button");
    closeMenus(target?.closest(".menu-list") ? null : event.target.closest("details.menu"));
    if (target?.hasAttribute("data-dismiss")) target.closest(".toast, .notice").remove();
    if (target?.dataset.opens) document.getElementById(target.dataset.opens)?.showModal();
    if (event.target.matches?.("dialog[open]")) event.target.close(); // the backdrop
  });

  // A link to a field that is folded away unfolds it
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    const field = link && document.getElementById(link.hash.slice(1));
    if (!field?.closest("details.fold")) return;
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
    event.preventDefault();
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (event.key === "Escape" && menu) {
      menu.open = false;
      menu.querySelector("summary").focus();
    } else if (menu && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const items = [...menu.querySelectorAll(".menu-list a, .menu-list button")];
      const here = items.indexOf(document.activeElement);
      const next = event.key === "ArrowDown" ? here + 1 : Math.max(here, 0) - 1;
      items[(next + items.length) % items.length]?.focus();
      event.preventDefault();
    }
  });

  // Times

  const STYLES = {
    date: { dateStyle: "medium" },
    time: { timeStyle: "short" },
    datetime: { dateStyle: "medium", timeStyle: "short" },
  };
  const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60]];

  function relative(moment, language) {
    const seconds = (moment - Date.now()) / 1000;
    const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) || ["minute", 60];
    if (unit === "day" && Math.abs(seconds) > 7 * 86400) return moment.toLocaleDateString(language, STYLES.date);
    return new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(Math.round(seconds / size), unit);
  }

  function localiseTimes(root) {
    const language = document.documentElement.lang || undefined;
    root.querySelectorAll("time[data-local]").forEach((time) => {
      const moment = new Date(time.dateTime);
      if (Number.isNaN(moment.getTime())) return;
      time.title = moment.toLocaleString(language, { dateStyle: "full", timeStyle: "short" });
      const style = STYLES[time.dataset.local];
      time.textContent = time.dataset.local === "relative" ? relative(moment, language) : moment.toLocaleString(language, style || STYLES.datetime);
    });
  }

  document.addEventListener("htmx:load", (event) => localiseTimes(event.detail.elt.parentElement || document));

  // Copy: <copy-button for="id"><button type="button">Copy</button></copy-button>

  class CopyButton extends HTMLElement {
    connectedCallback() {
      this.addEventListener("click", () => this.copy());
    }

    async copy() {
      const source = document.getElementById(this.getAttribute("for"));
      try {
        await navigator.clipboard.writeText(source.value ?? source.textContent);
        this.say();
      } catch {
        this.select(source); // no permission, or plain http: select the text for Ctrl+C
      }
    }

    select(source) {
      source.focus();
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
    }

    say() {
      const button = this.querySelector("button");
      this.words ??= [...button.childNodes];
      button.replaceChildren(icon("check"), this.dataset.copied || document.body.dataset.copied);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => button.replaceChildren(...this.words), 2000);
      showToast(this.dataset.copied || document.body.dataset.copied, "success");
    }
  }

  customElements.define("copy-button", CopyButton);
  document.addEventListener("DOMContentLoaded", () => {
    watchToasts();
    localiseTimes(document);
  });
})();
