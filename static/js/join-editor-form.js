// Between the page and the editor: the plan that the page carries, and the fields of the form that save a change.

import { clock } from "./clock.js";
import { Beats } from "./join-editor-beats.js";
import { Join } from "./join-editor-join.js";

const FIELDS = { endsAt: "ends_at", beginsAt: "begins_at", overlap: "overlap", gainA: "gain_a", gainB: "gain_b" };
const QUIETEST_LUFS = -60; // of a song too quiet to be measured

// Return {join, untouched, auto, byHand, limits, songs, titles, inks} of a panel.
export function readPlan(panel) {
  const plan = JSON.parse(panel.querySelector("script.join-plan").textContent);
  const [a, b] = plan.songs;
  const join = new Join({
    style: plan.style,
    aStart: a.start, aFrom: a.last - (a.end - a.start), aLength: a.length, endsAt: a.last, gainA: a.gain,
    beginsAt: b.first, bTo: b.first + b.end - b.start, bLength: b.length, gainB: b.gain,
    stretch: plan.stretch, ...meeting(plan), ride: plan.ride, fades: plan.fades,
  });
  const song = ({ detail, copy, length, lufs, beats, bars }, usualDb) => ({
    detail, copy, length, usualDb, lufs: lufs ?? QUIETEST_LUFS, beats: new Beats(beats, bars),
  });
  return {
    join,
    untouched: { ...valuesOf(plan.untouched), ...meeting(plan.untouched) },
    auto: { ...valuesOf(plan.automatic), overlap: (plan.style === "gap" ? -1 : 1) * plan.automatic.overlap },
    byHand: new Set(Object.keys(FIELDS).filter((name) => FIELDS[name] in plan.by_hand)),
    limits: limitsOf(plan),
    songs: { a: song(a, plan.automatic.gain_a), b: song(b, plan.automatic.gain_b) },
    titles: { a: a.title, b: b.title },
    inks: panel.querySelector(".join-editor").classList.contains("ink-even") ? ["sea", "tape"] : ["tape", "sea"],
  };
}

function valuesOf(values) {
  return Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, values[field]]));
}

// How the songs meet: a pause is an overlap below 0.
function meeting({ overlap, falling, rising, fade_out: fadeOut, fade_in: fadeIn }) {
  return { overlap, falling: { points: falling, overlap }, rising: { points: rising, overlap }, fadeOut, fadeIn };
}

function limitsOf({ limits, style }) {
  const named = Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, limits[field]]));
  if (style !== "gap") return named;
  const { least, most, leastWords, mostWords } = named.overlap;
  return { ...named, overlap: { least: -most, most: -least, leastWords: mostWords, mostWords: leastWords } };
}

// Write values into the form, or nothing where they go back to automatic, and let it be saved.
export function writeForm(panel, join, names, { isAutomatic = false } = {}) {
  const form = panel.querySelector("form[data-autosave]");
  const written = names.filter((name) => form.elements[FIELDS[name]]);
  for (const name of written) form.elements[FIELDS[name]].value = isAutomatic ? "" : show(name, join[name]);
  if (written.includes("overlap")) form.elements.namedItem("length").value = isAutomatic ? "mix" : "set";
  form.elements[FIELDS[written[0]]].dispatchEvent(new Event("change", { bubbles: true }));
}

function show(name, value) {
  if (name.endsWith("At")) return clock(value, 2);
  return (name === "overlap" ? Math.abs(value) : value).toFixed(2);
}
