"use strict";

// A long list of songs: short rows become whole ones as they come into view, and a map of the mix stays in sight.
(() => {
  const AHEAD = "1200px 0px"; // of the window: rows are whole before they are seen
  const AT_ONCE = 60; // songs of one request
  const SOON_MS = 60;

  const editor = () => document.querySelector("mix-editor");
  const list = () => document.getElementById("track-list");
  const seconds = (clock) => clock.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);

  // Short rows

  const wanted = new Set();
  let timer = null;

  const watcher = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      wanted.add(target.id.replace("row-", ""));
    }
    if (wanted.size) timer ||= setTimeout(fetchWanted, SOON_MS);
  }, { rootMargin: AHEAD });

  async function fetchWanted() {
    const songs = [...wanted].slice(0, AT_ONCE);
    try {
      await editor().settled();
      const body = new URLSearchParams({ songs: songs.join(" ") });
      const answer = await fetch(editor().form.dataset.rowsUrl, { method: "POST", body, headers: editor().headers() });
      if (answer.ok && !answer.headers.has("HX-Redirect")) {
        editor().widen(await answer.text());
        songs.forEach((song) => wanted.delete(song));
      }
    } catch { /* short rows do what they say: their links lead to pages */ }
    timer = null;
    if (wanted.size) timer = setTimeout(fetchWanted, SOON_MS + 1000 * Number(wanted.has(songs[0])));
  }

  // The map: press to go there, and see where one is

  function makeMap(map) {
    const wave = document.getElementById("mix-wave");
    if (!wave) return;
    const picture = wave.cloneNode();
    picture.removeAttribute("id");
    picture.className = "wave";
    picture.alt = "";
    const here = document.createElement("span");
    map.append(picture, here);
    map.hidden = false;
    const starts = () => [...list().querySelectorAll(".track-row .track-start")];
    map.addEventListener("click", (event) => {
      const box = map.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * Number(map.dataset.duration);
      const found = starts().filter((cell) => seconds(cell.textContent) <= at).at(-1);
      found?.closest("li").scrollIntoView({ block: "center" });
    });
    let frame = 0;
    const follow = () => {
      frame = 0;
      const top = map.getBoundingClientRect().bottom;
      const cell = starts().find((one) => one.closest("li").getBoundingClientRect().bottom > top);
      here.style.insetInlineStart = `${cell ? (100 * seconds(cell.textContent)) / Number(map.dataset.duration) : 100}%`;
    };
    addEventListener("scroll", () => { frame ||= requestAnimationFrame(follow); }, { passive: true });
    new MutationObserver(() => {
      const now = document.getElementById("mix-wave");
      if (now && picture.src !== now.src) picture.src = now.src;
    }).observe(editor(), { childList: true });
    follow();
  }

  document.addEventListener("DOMContentLoaded", () => {
    list()?.querySelectorAll(".track-row.is-lean").forEach((row) => watcher.observe(row));
    const map = document.querySelector(".mix-map");
    if (map) makeMap(map);
  });
})();
