"use strict";

// Single keys on the page of a mix: J and K walk through the songs, P hears a join, Enter opens it, ? lists them all.
// They can be turned off, as WCAG 2.1.4 asks; the browser remembers that.
(() => {
  const KEY = "mixtape-single-keys";
  const FIELDS = "input, textarea, select, [contenteditable], dialog *, .join-place *";
  const isOn = () => localStorage.getItem(KEY) !== "off";
  const songs = () => [...document.querySelectorAll("#track-list > .track-row:not(.is-coming)")];
  const current = () => document.activeElement.closest?.("#track-list > li");

  function songOf(row) {
    return row?.matches(".join-row") ? document.getElementById(row.id.replace("join-", "row-")) : row;
  }

  function walk(step) {
    const rows = songs();
    const place = rows.indexOf(songOf(current()));
    const next = rows[place < 0 ? 0 : Math.min(Math.max(place + step, 0), rows.length - 1)];
    if (!next) return;
    next.tabIndex = -1;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
  }

  function joinOf(row) {
    return row && document.getElementById(row.id.replace("row-", "join-"));
  }

  const ACTS = {
    j: () => walk(1),
    k: () => walk(-1),
    p: () => joinOf(current())?.querySelector("[data-preview]")?.click(),
    "?": () => document.getElementById("keys-dialog").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (!isOn() || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(FIELDS)) return;
    const isRow = event.key === "Enter" && event.target.matches(".track-row");
    const openJoin = () => joinOf(current())?.querySelector(".chip-join")?.click();
    const act = isRow ? openJoin : ACTS[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.getElementById("single-keys");
    box.checked = isOn();
    box.addEventListener("change", () => localStorage.setItem(KEY, box.checked ? "on" : "off"));
  });
})();
