"use strict";

// <upload-panel>: resumable uploads (tus 1.0), enhancing a form that works without this script.
// Uploads are created one after another, so that tracks keep the order of their names or of a playlist, then sent
// three at a time. Dispatches `uploads:changed` after every change, so that lists reload.
(() => {
  const PIECE_BYTES = 8 * 1024 * 1024;
  const AT_ONCE = 3;
  const RETRY_MS = [0, 1000, 3000, 5000, 10000, 20000, 30000, 60000, 60000, 60000];
  const SPEED_WINDOW_MS = 15000;
  const MAX_PLAYLIST_BYTES = 4 * 1024 * 1024;
  const MAX_NAMED = 5; // files in one sentence
  const HIDDEN = /(^|\/)\./;
  const KEY = "mixtape-upload:"; // + upload URL -> fingerprint of its file, and the id of its mix
  const natural = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  const pathOf = (file) => file.path || file.webkitRelativePath || file.name;
  const fingerprint = (file) => [file.name, file.size, file.lastModified].join("/");
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const isTemporary = (status) => status === 0 || [409, 423, 429].includes(status) || (status >= 500 && status !== 507);

  function remember(address, file, mix) {
    try {
      if (file) localStorage.setItem(KEY + address, JSON.stringify([fingerprint(file), mix]));
      else localStorage.removeItem(KEY + address);
    } catch { /* without storage, match by name and size */ }
  }

  // Uploads started in this browser: URL -> [fingerprint, mix]
  function begun() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(KEY));
      return new Map(keys.map((key) => [key.slice(KEY.length), JSON.parse(localStorage.getItem(key))]));
    } catch {
      return new Map();
    }
  }

  function toBase64(text) {
    return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
  }

  const suffixOf = (file) => (/\.[^./]+$/.exec(file.name)?.[0] || "").toLowerCase();
  const fold = (text) => text.normalize("NFC").toLowerCase().trim();

  async function textOf(file) {
    const bytes = new Uint8Array(await file.slice(0, MAX_PLAYLIST_BYTES).arrayBuffer());
    const [first, second] = bytes;
    const zeros = (from) => bytes.filter((byte, place) => place % 2 === from && byte === 0).length;
    if ((first === 0xff && second === 0xfe) || zeros(1) > 0.2 * bytes.length) return new TextDecoder("utf-16le").decode(bytes);
    if ((first === 0xfe && second === 0xff) || zeros(0) > 0.2 * bytes.length) return new TextDecoder("utf-16be").decode(bytes);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return new TextDecoder("windows-1252").decode(bytes);
    }
  }

  // The places of files that a playlist names, in its order.
  function placesIn(suffix, text) {
    if (suffix === ".pls") {
      const found = [...text.matchAll(/^\s*File(\d+)\s*=(.*)$/gim)];
      return found.sort((a, b) => a[1] - b[1]).map((match) => match[2]);
    }
    if (suffix === ".cue") return [...text.matchAll(/^\s*FILE\s+(?:"([^"\n]*)"|(.*?)\s+\S+)\s*$/gim)].map((match) => match[1] ?? match[2]);
    if ([".xspf", ".wpl", ".asx"].includes(suffix)) {
      const parsed = new DOMParser().parseFromString(text, "application/xml");
      const place = (element) => (element.localName === "location" ? element.textContent : element.getAttribute("src") || element.getAttribute("href"));
      return [...parsed.querySelectorAll("track > location, media[src], ref[href]")].map(place);
    }
    return text.split(/\r\n|\r|\n/).filter((line) => line.trim() && !line.trimStart().startsWith("#"));
  }

  // The file that a playlist's place means: of those of its name the one with the most folders in common.
  function fileAt(place, files, anyFormat) {
    const forms = [place];
    try {
      forms.push(decodeURIComponent(place));
    } catch { /* a percent sign of its own */ }
    const bare = (name) => (anyFormat ? name.replace(/\.[^.]*$/, "") : name);
    for (const form of forms) {
      const parts = fold(form).replace(/^"|"$/g, "").split(/[\\/]/).reverse();
      const common = (file) => {
        const own = fold(pathOf(file)).split("/").reverse();
        const end = own.findIndex((part, at) => part !== parts[at]);
        return end < 0 ? own.length : end;
      };
      const same = files.filter((file) => bare(fold(file.name)) === bare(parts[0].trim()));
      if (same.length) return same.reduce((best, file) => (common(file) > common(best) ? file : best));
    }
    return null;
  }

  // All files below dropped entries; directories return theirs in batches.
  async function filesOf(entries, folder = "") {
    const found = [];
    for (const entry of entries) {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        file.path = folder + file.name;
        file.inFolder = folder !== "";
        found.push(file);
      } else if (entry.isDirectory) {
        const reader = entry.createReader();
        for (let batch; (batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length; ) {
          found.push(...(await filesOf(batch, `${folder}${entry.name}/`)));
        }
      }
    }
    return found;
  }

  class UploadPanel extends HTMLElement {
    connectedCallback() {
      if (!window.tus?.isSupported) return; // the plain form stays
      this.items = [];
      this.moves = []; // [time, bytes sent by then]
      this.find = (name) => this.querySelector(`.upload-${name}`);
      this.find("send").hidden = true;
      this.listen();
      const chosen = this.find("files"); // files chosen before this script loaded
      if (chosen.files.length) this.addChosen(chosen);
    }

    disconnectedCallback() {
      this.leave?.abort();
    }

    listen() {
      this.leave = new AbortController();
      const on = (target, name, act) => target.addEventListener(name, act, { signal: this.leave.signal });
      const zone = this.querySelector(".dropzone");
      const files = this.find("files");
      const folder = this.find("folder-files");
      on(files, "change", () => this.addChosen(files));
      on(folder, "change", () => this.addChosen(folder));
      if ("webkitdirectory" in folder) {
        this.find("folder").hidden = false;
        on(this.find("folder"), "click", () => folder.click());
      }
      const over = (isOver) => {
        zone.classList.toggle("is-over", isOver);
        document.body.classList.toggle("is-dropping", isOver);
      };
      const brings = (event) => event.dataTransfer?.types.includes("Files");
      on(document, "dragover", (event) => {
        if (!brings(event)) return;
        event.preventDefault();
        over(true);
      });
      on(document, "dragleave", (event) => event.relatedTarget || over(false));
      on(document, "drop", (event) => {
        over(false);
        if (!brings(event)) return;
        event.preventDefault();
        const before = document.querySelector("mix-editor")?.placeOfDrop(event) ?? "";
        const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
        const plain = [...event.dataTransfer.files];
        if (entries.length) filesOf(entries).then((found) => this.add(found, before), () => this.add(plain, before));
        else this.add(plain, before);
      });
      const cancel = () => this.items.filter((item) => item.state !== "done").forEach((item) => this.remove(item));
      on(this.find("cancel"), "click", cancel);
      this.foot = document.querySelector(".upload-foot"); // beside the bar at the foot of a mix's page
      if (this.foot) on(this.foot.querySelector("button"), "click", cancel);
      on(window, "beforeunload", (event) => this.isBusy() && event.preventDefault());
      on(window, "online", () => this.items.filter((item) => item.lost).forEach((item) => this.retry(item)));
    }

    addChosen(input) {
      const files = [...input.files];
      for (const file of files) file.inFolder = file.webkitRelativePath !== "";
      input.value = "";
      this.add(files);
    }

    // Add files, before a song of the mix if one is named.
    async add(files, before = "") {
      if (!files.length) return;
      const kinds = this.sort(files);
      const { music, playlists } = kinds;
      if (playlists.length && music.length) await this.order(music, playlists);
      this.tellLeftOut(kinds);
      if (!music.length) return;
      if (!this.isBusy()) this.items = this.items.filter((item) => item.state === "failed");
      for (const file of music) this.items.push({ file, before, state: "new", sent: 0, address: this.goOnWith(file) });
      this.say(this.dataset.adding.replace("{count}", music.length));
      this.nameWaiting();
      this.announceAll();
      this.draw();
    }

    // In folders only what is known as audio is taken; what is named by itself is tried, unless it is surely no song.
    sort(files) {
      const [audio, lists, archives, companions] = ["audio", "playlists", "archives", "companions"].map((name) => this.dataset[name].split(","));
      const kinds = { music: [], playlists: [], archives: [], others: [] };
      for (const file of [...files].sort((a, b) => natural.compare(pathOf(a), pathOf(b)))) {
        const suffix = suffixOf(file);
        if (file.inFolder && HIDDEN.test(pathOf(file))) continue;
        if (lists.includes(suffix)) kinds.playlists.push(file);
        else if (archives.includes(suffix)) kinds.archives.push(file);
        else if (companions.includes(suffix)) file.inFolder || kinds.others.push(file);
        else if (audio.includes(suffix) || !file.inFolder) kinds.music.push(file);
        else kinds.others.push(file);
      }
      return kinds;
    }

    // Put the songs that a playlist names into its order, before the others.
    async order(music, playlists) {
      const first = new Set(), used = [], missing = [];
      for (const playlist of playlists) {
        const suffix = suffixOf(playlist);
        const text = await textOf(playlist).catch(() => "");
        const found = placesIn(suffix, text).map((place) => [place, fileAt(place, music, suffix === ".cue")]);
        if (found.filter(([, file]) => file).length < 2) continue;
        used.push(playlist.name);
        for (const [place, file] of found) file ? first.add(file) : missing.push(place.split(/[\\/]/).pop());
      }
      music.splice(0, music.length, ...first, ...music.filter((file) => !first.has(file)));
      if (used.length) this.toast(this.dataset.ordered, used, "info");
      if (missing.length) this.toast(this.dataset.missing, missing);
    }

    tellLeftOut({ music, playlists, archives, others }) {
      const names = (files) => files.map((file) => file.name);
      if (archives.length) this.toast(this.dataset.unpack, names(archives));
      if (others.length) this.toast(this.dataset.passed, names(others));
      if (playlists.length && !music.length) this.toast(this.dataset.lonely, names(playlists));
      else if (!music.length && !archives.length && !others.length) this.toast(this.dataset.nothing, []);
    }

    toast(words, names, level = "warning") {
      const more = names.length > MAX_NAMED ? ` ${this.dataset.more.replace("{count}", names.length - MAX_NAMED)}` : "";
      const text = words.replace("{names}", () => names.slice(0, MAX_NAMED).join(", ") + more);
      document.dispatchEvent(new CustomEvent("toast", { detail: { text, level } }));
    }

    // An earlier upload of the same file: one listed on the page, or one this browser started.
    goOnWith(file) {
      const known = begun();
      const rows = [...this.querySelectorAll("[data-upload]")];
      const isIt = ({ name, size, upload }) => name === file.name && Number(size) === file.size
        && (known.get(upload)?.[0] ?? fingerprint(file)) === fingerprint(file);
      const row = rows.find((li) => isIt(li.dataset));
      if (row) {
        row.remove();
        if (rows.length === 1) this.find("waiting")?.remove();
        return row.dataset.upload;
      }
      const taken = this.items.map((item) => item.address);
      const mix = this.dataset.mix || "";
      const mine = [...known].find(([address, [of, into]]) => of === fingerprint(file) && into === mix && !taken.includes(address));
      return mine?.[0] || "";
    }

    headers() {
      return { "X-CSRFToken": this.querySelector("[name=csrfmiddlewaretoken]").value };
    }

    async announceAll() {
      if (this.announcing) return;
      this.announcing = true;
      for (let item; (item = this.items.find((one) => one.state === "new")); ) {
        item.state = "announcing";
        try {
          item.address ||= await this.announce(item);
          if (item.state === "announcing") item.state = "ready";
          else this.terminate(item); // removed in the meantime
        } catch (error) {
          this.fail(item, error.message, error.lost);
        }
        this.sendNext();
      }
      this.announcing = false;
    }

    async announce(item) {
      const metadata = [["filename", item.file.name]];
      if (this.dataset.mix) metadata.push(["mix", this.dataset.mix]);
      if (item.before) metadata.push(["before", item.before]);
      const headers = {
        ...this.headers(),
        "Tus-Resumable": "1.0.0",
        "Upload-Length": String(item.file.size),
        "Upload-Metadata": metadata.map(([name, value]) => `${name} ${toBase64(value)}`).join(","),
      };
      for (const wait of [...RETRY_MS, null]) {
        const response = await fetch(this.dataset.create, { method: "POST", headers }).catch(() => null);
        if (response?.status === 201) {
          const address = response.headers.get("Location");
          remember(address, item.file, this.dataset.mix || "");
          this.changed();
          return address;
        }
        const status = response?.status ?? 0;
        if (!isTemporary(status)) throw new Error(await this.sentence(status, () => response.text()));
        if (wait === null || item.state !== "announcing") break;
        this.tell(item, this.dataset.trying);
        await pause(wait);
      }
      throw Object.assign(new Error(this.dataset.failed), { lost: true });
    }

    async sentence(status, read) {
      if (status === 403) return this.dataset.old;
      if (status === 401) this.leaveToSignIn();
      const text = (await read()) || "";
      return text && text.length < 400 && !text.startsWith("<") ? text : this.dataset.failed;
    }

    // Signed out elsewhere: reload to sign in; the page then lists uploads that wait for their file.
    leaveToSignIn() {
      this.leave.abort(); // reload without the leave-page warning
      location.reload();
    }

    sendNext() {
      const sending = this.items.filter((item) => item.state === "sending").length;
      const next = this.items.filter((item) => item.state === "ready").slice(0, AT_ONCE - sending);
      next.forEach((item) => this.send(item));
      this.draw();
    }

    send(item) {
      item.state = "sending";
      item.upload = new tus.Upload(item.file, {
        uploadUrl: item.address,
        chunkSize: PIECE_BYTES,
        retryDelays: RETRY_MS,
        storeFingerprintForResuming: false,
        headers: this.headers(),
        onShouldRetry: (error) => {
          const again = isTemporary(error.originalResponse?.getStatus() ?? 0);
          if (again) this.tell(item, this.dataset.trying);
          return again;
        },
        onProgress: (sent) => this.progress(item, sent),
        onChunkComplete: () => item.hasProgress || this.changed(item),
        onSuccess: () => this.finish(item),
        onError: (error) => this.giveUp(item, error),
      });
      item.upload.start();
    }

    progress(item, sent) {
      item.sent = sent;
      item.words = this.dataset.uploading.replace("{percent}", Math.floor((100 * sent) / Math.max(1, item.file.size)));
      this.moves.push([performance.now(), this.sentBytes()]);
      while (this.moves.length > 2 && performance.now() - this.moves[0][0] > SPEED_WINDOW_MS) this.moves.shift();
      this.draw();
    }

    finish(item) {
      item.state = "done";
      item.sent = item.file.size;
      remember(item.address, null);
      this.changed();
      this.sendNext();
      if (this.isBusy()) return;
      const arrived = this.items.filter((one) => one.state === "done").length;
      this.say(this.dataset.arrived.replace("{count}", arrived));
    }

    async giveUp(item, error) {
      if (item.state !== "sending") return;
      const response = error.originalResponse;
      const status = response?.getStatus() ?? 0;
      if (status === 404 || status === 410) {
        remember(item.address, null); // it has expired: start a new upload from the beginning
        item.address = "";
        if (!item.restarted) {
          Object.assign(item, { restarted: true, state: "new", sent: 0 });
          return this.announceAll();
        }
      }
      this.fail(item, await this.sentence(status, () => response?.getBody()), status === 0);
    }

    fail(item, words, lost = false) {
      Object.assign(item, { state: "failed", words, lost });
      this.say(`${item.file.name}: ${words}`);
      this.nameWaiting();
      this.changed();
      this.sendNext();
    }

    retry(item) {
      Object.assign(item, { state: "new", words: "", lost: false });
      this.announceAll();
      this.draw();
    }

    async remove(item) {
      item.state = "removed";
      this.items = this.items.filter((one) => one !== item);
      this.nameWaiting();
      await item.upload?.abort();
      await this.terminate(item);
      this.sendNext();
    }

    async terminate(item) {
      if (!item.address) return;
      remember(item.address, null);
      await fetch(item.address, { method: "DELETE", headers: { ...this.headers(), "Tus-Resumable": "1.0.0" } }).catch(() => null);
      this.changed();
    }

    // Tell the page which files have no row of their own on the server yet.
    nameWaiting() {
      const waiting = this.items.filter((item) => ["new", "announcing"].includes(item.state) && !item.address);
      const songs = waiting.map(({ file, before }) => ({ name: file.name, before }));
      this.dispatchEvent(new CustomEvent("uploads:named", { bubbles: true, detail: { songs } }));
    }

    changed(item) {
      if (item) item.hasProgress = true; // the first chunk has arrived: lists may show progress
      this.dispatchEvent(new CustomEvent("uploads:changed", { bubbles: true }));
    }

    isBusy() {
      return this.items.some((item) => ["new", "announcing", "ready", "sending"].includes(item.state));
    }

    sentBytes() {
      return this.items.reduce((sum, item) => sum + item.sent, 0);
    }

    tell(item, words) {
      item.words = words;
      this.draw();
    }

    say(words) {
      this.find("said").textContent = words;
    }

    // Drawing: at most once per frame

    draw() {
      if (this.drawing) return;
      this.drawing = requestAnimationFrame(() => {
        this.drawing = 0;
        this.drawNow();
      });
    }

    drawNow() {
      const failed = this.items.filter((item) => item.state === "failed");
      const busy = this.isBusy();
      this.find("now").hidden = !busy && !failed.length;
      this.find("cancel").hidden = !busy;
      this.find("total").hidden = !busy;
      const counted = this.items.filter((item) => item.state !== "failed");
      const done = counted.filter((item) => item.state === "done").length;
      const bytes = counted.reduce((sum, item) => sum + item.file.size, 0);
      const sent = counted.reduce((sum, item) => sum + item.sent, 0);
      this.find("total").value = bytes ? sent / bytes : 0;
      this.find("words").textContent = busy
        ? this.dataset.sending.replace("{done}", done).replace("{all}", counted.length)
        : this.dataset.troubles.replace("{count}", failed.length);
      this.find("left").textContent = busy ? this.timeLeft(bytes - sent) : "";
      this.drawFoot(busy, bytes ? sent / bytes : 0);
      this.drawRows(this.items.filter((item) => ["announcing", "sending", "failed"].includes(item.state)));
    }

    drawFoot(busy, share) {
      if (!this.foot) return;
      this.foot.hidden = !busy;
      this.foot.querySelector("progress").value = share;
      this.foot.querySelector("[data-words]").textContent = [this.find("words").textContent, this.find("left").textContent].filter(Boolean).join(" · ");
    }

    timeLeft(bytes) {
      const [first, last] = [this.moves[0], this.moves.at(-1)];
      const speed = first && last[0] - first[0] > 1000 ? (last[1] - first[1]) / (last[0] - first[0]) : 0; // bytes per ms
      if (speed <= 0) return "";
      const seconds = bytes / speed / 1000;
      const [words, n] = seconds < 90 ? [this.dataset.seconds, Math.ceil(seconds / 5) * 5] : [this.dataset.minutes, Math.ceil(seconds / 60)];
      return this.dataset.left.replace("{time}", words.replace("{n}", n));
    }

    drawRows(items) {
      const list = this.find("rows");
      const rows = items.map((item) => (item.row ||= this.makeRow(item)));
      if (rows.length !== list.children.length || rows.some((row, place) => list.children[place] !== row)) list.replaceChildren(...rows);
      for (const item of items) {
        const failed = item.state === "failed";
        const state = item.row.querySelector(".upload-state");
        const bar = item.row.querySelector("progress");
        const words = item.words || this.dataset.starting;
        if (state.textContent !== words) state.textContent = words;
        state.classList.toggle("is-wrong", failed);
        bar.value = item.sent / Math.max(1, item.file.size);
        bar.hidden = failed;
        item.row.querySelector(".upload-retry").hidden = !failed;
      }
    }

    makeRow(item) {
      const row = this.querySelector("template").content.firstElementChild.cloneNode(true);
      row.querySelector(".upload-name").textContent = item.file.name;
      row.querySelector(".upload-retry").addEventListener("click", () => this.retry(item));
      row.querySelector(".upload-remove").addEventListener("click", () => this.remove(item));
      for (const button of row.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent} ${item.file.name}`);
      return row;
    }
  }

  customElements.define("upload-panel", UploadPanel);
})();
