"""Sound quality: energy law of the crossfades, loudness, peaks, clicks, audible dips."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, sosfiltfilt

from benchmarks import measure
from benchmarks.exact import decoded
from benchmarks.music import Samples
from benchmarks.ours import Bench, Mix
from benchmarks.report import Row

WINDOW_S = 0.4
LAW_MEDIAN_DB, LAW_P95_DB = 0.5, 1.5
SILENT_POWER = 1e-6  # -60 dBFS: inaudible, and its energy ratio is meaningless
TARGET_LUFS, LOUDNESS_LU, PEAK_DBTP = -14.0, 0.3, -0.9
SIDE_S = 8.0  # of music before and after a join, to interpolate its expected loudness
MARGIN_S = 0.5  # around a join, for clicks
BASS_HZ, BASS_SWAP_S, BASS_EDGE_S = 120, 1.0, 0.05  # of the bass that changes hands, by its definition
CLICK_RATIO = 2.0  # injected clicks: 6 dB over the local 99.9th percentile
CLICK_LIMIT = 1.2  # detection threshold
ATTACK_FRAMES = 9  # over which an encoder blurs an attack
INJECTIONS = 20  # in each join
RANDOM_PLACES = 72  # places without a join, for comparison
Power = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Join:
    """A decoded join, and the expected one: both sources with gain and fade curve applied."""

    heard: Samples
    outgoing: Samples
    incoming: Samples
    first: int  # first frame of the overlap within these arrays
    last: int

    @property
    def expected(self) -> Samples:
        return self.outgoing + self.incoming


def joins(bench: Bench, mix: Mix, sound: NDArray[np.float32], margin: int) -> Iterator[Join]:
    """Yield every overlapping join of style smooth, with `margin` frames of music on both sides.

    The sources are decoded by plain ffmpeg and the curves follow their definition, without the engine's code.
    """
    after = bench.source(mix, 0)
    for index, (outgoing, incoming, transition) in enumerate(mix.timeline.joins()):
        before, after = after, bench.source(mix, index + 1)
        if transition.style != "smooth" or transition.overlap <= 0:
            continue
        overlap = transition.overlap
        gone_s = (np.arange(overlap) + 0.5) / mix.timeline.rate
        falling = _sine_fade(overlap / mix.timeline.rate - gone_s, transition.fade_out_s)
        rising = _sine_fade(gone_s, transition.fade_in_s)
        room = min(margin, len(before) - overlap, len(after) - overlap)
        start, end = incoming.start - room, outgoing.end + room
        ending, beginning = before[-overlap:], after[:overlap]
        if transition.bass_swap_s is not None:
            coming = np.clip((gone_s - transition.bass_swap_s) / BASS_SWAP_S + 0.5, 0.0, 1.0) * np.pi / 2
            ending = _weaken_bass(ending, 1 - np.cos(coming), mix.timeline.rate)
            beginning = _weaken_bass(beginning, 1 - np.sin(coming), mix.timeline.rate)
        heard = np.concatenate((before[-overlap - room : -overlap], _apply_gains(ending, falling)))
        coming_in = np.concatenate((_apply_gains(beginning, rising), after[overlap : overlap + room]))
        ride = _ride_gains(mix, start, end)
        yield Join(
            np.asarray(sound[start:end]),
            _apply_gains(np.pad(heard, ((0, room), (0, 0))), ride),
            _apply_gains(np.pad(coming_in, ((room, 0), (0, 0))), ride),
            room,
            room + overlap,
        )


def _weaken_bass(samples: Samples, share: Power, rate: int) -> Samples:
    """Remove a share, 0 to 1, of the band below BASS_HZ from each frame."""
    sections = butter(2, BASS_HZ, fs=rate, output="sos")
    edge = min(round(BASS_EDGE_S * rate), len(samples) - 1)
    low = sosfiltfilt(sections, samples.astype(np.float64), axis=0, padlen=edge)
    return np.asarray(samples - low * share[:, None], dtype=np.float32)


def _ride_gains(mix: Mix, start: int, end: int) -> Power:
    """Return the gain of the level rides for frames of the mix; where two meet, the higher one counts."""
    gain_db = np.zeros(end - start)
    for _, incoming, transition in mix.timeline.joins():
        if transition.ride:
            seconds, levels_db = zip(*transition.ride, strict=True)
            places_s = (np.arange(start, end) - incoming.start) / mix.timeline.rate
            gain_db = np.maximum(gain_db, np.interp(places_s, seconds, levels_db, left=0.0, right=0.0))
    return np.asarray(10 ** (gain_db / 20))


def _sine_fade(elapsed_s: NDArray[np.float64], length_s: float) -> NDArray[np.float64]:
    if not length_s:
        return np.ones(len(elapsed_s))
    return np.sin(np.minimum(1.0, elapsed_s / length_s) * np.pi / 2)


def law(bench: Bench) -> Iterator[Row]:
    """Compare the energy of each 400 ms of the joins with the sum of both sources' energies."""
    mix = bench.main_mix()
    rate = mix.timeline.rate
    size = round(WINDOW_S * rate)
    errors: list[float] = []
    for join in joins(bench, mix, _decoded_mp3(bench), 0):
        errors += law_errors(join, size)
    if not errors:
        yield Row("law of the joins", "", "no join of style smooth overlaps")
        return
    median, p95 = np.median(errors), np.quantile(errors, 0.95)
    yield Row(
        "law of the joins: go² E_A + gi² E_B",
        f"<= {LAW_MEDIAN_DB} dB median, <= {LAW_P95_DB} dB at 95 %",
        f"{median:.2f} dB median, {p95:.2f} dB at 95 %, worst {max(errors):.2f} dB",
        f"{len(errors)} windows of 400 ms in {len(mix.timeline.transitions)} joins",
        bool(median <= LAW_MEDIAN_DB and p95 <= LAW_P95_DB),
        "measured on the decoded MP3, so limiter and encoder are in it; the curves weigh every sample.",
    )
    yield heard_dips(bench, mix)


def law_errors(join: Join, size: int) -> list[float]:
    """Return in dB how far each window's energy in the overlap is from the sum of both sources' energies."""
    overlap = slice(join.first, join.last)
    wanted = _powers(join.outgoing[overlap], size) + _powers(join.incoming[overlap], size)
    heard = _powers(join.heard[overlap], size)
    audible = (wanted > SILENT_POWER) & (heard > 0)
    return list(np.abs(10 * np.log10(heard[audible] / wanted[audible])))


def heard_dips(bench: Bench, mix: Mix) -> Row:
    """Measure how far the 3 s loudness of each join falls below the line between its two sides."""
    curve = _short_term(bench.ffmpeg, mix.artifact("mp3"))
    rate = mix.timeline.rate
    spans = [(after.start / rate, before.end / rate) for before, after, _ in mix.timeline.joins()]
    dips = [dip for begin, end in spans if (dip := _dip(curve, begin, end)) is not None]
    rng = np.random.default_rng(440)
    places = rng.uniform(20, max(21, mix.timeline.duration_s - 30), RANDOM_PLACES)
    clear = [p for p in places if all(p + 16 < begin or p - 8 > end for begin, end in spans)]
    music = [dip for place in clear if (dip := _dip(curve, place, place + 8)) is not None]
    return Row(
        "loudness heard across a join (3 s), dip",
        "no bound",
        _spread(dips),
        f"same music without a join: {_spread(music)}",
    )


def _dip(curve: Power, begin_s: float, end_s: float) -> float | None:
    """Return the largest drop below the straight line between the loudness of both sides, in LU."""
    step = 10
    first, last = round(begin_s * step), round(end_s * step)
    sides = round(SIDE_S * step)
    before = curve[max(0, first - sides) : first]
    after = curve[last + 3 * step : last + 3 * step + sides]  # the first 3 s window after the join
    if not len(before) or not len(after) or last <= first:
        return None
    line = np.linspace(np.median(before), np.median(after), last - first)
    centred = curve[first + 3 * step // 2 : last + 3 * step // 2]  # a window's value is stored at its end
    return float(max(0.0, np.max(line[: len(centred)] - centred)))


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    return f"median {np.median(values):.1f}, 95 % {np.quantile(values, 0.95):.1f} LU"


def _short_term(ffmpeg: Path, path: Path) -> Power:
    """Return ffmpeg's short-term (3 s) loudness in LUFS, one value per 100 ms."""
    filters = "ebur128=metadata=1,ametadata=print:key=lavfi.r128.S:file=-"
    argv = [ffmpeg, "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-af", filters, "-f", "null", "-"]
    text = measure.run(argv).stdout
    values = re.findall(r"lavfi\.r128\.S=(\S+)", text)
    return np.array([float(value) for value in values])


def loudness(bench: Bench) -> Iterator[Row]:
    """Measure both files with ffmpeg's ebur128 filter: integrated loudness and true peak."""
    mix = bench.main_mix()
    notes = " ".join(str(note) for note in mix.document.get("notes", ()))
    for kind in ("mp3", "mp4"):
        lufs, peak_dbtp = _measured(bench.ffmpeg, mix.artifact(kind))
        explained = abs(lufs - TARGET_LUFS) <= LOUDNESS_LU or "LUFS" in notes
        yield Row(
            f"loudness of the {kind.upper()}",
            f"{TARGET_LUFS:.0f} LUFS within {LOUDNESS_LU} LU, or the sheet says why not",
            f"{lufs:.1f} LUFS",
            notes if abs(lufs - TARGET_LUFS) > LOUDNESS_LU else "",
            explained,
        )
        yield Row(
            f"true peak of the {kind.upper()}",
            f"<= {PEAK_DBTP} dBTP",
            f"{peak_dbtp:.2f} dBTP",
            "",
            peak_dbtp <= PEAK_DBTP,
        )


def _measured(ffmpeg: Path, path: Path) -> tuple[float, float]:
    out = path.parent / "ebur128.txt"
    filters = "ebur128=peak=true:metadata=1,ametadata=print:file=-"
    argv = [ffmpeg, "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-af", filters, "-f", "null", "-"]
    text = measure.run(argv).stdout
    out.unlink(missing_ok=True)
    integrated = re.findall(r"lavfi\.r128\.I=(\S+)", text)[-1]
    peaks = [re.findall(rf"lavfi\.r128\.true_peaks_ch{channel}=(\S+)", text) for channel in (0, 1)]
    largest = max(float(value) for values in peaks for value in values)
    return float(integrated), float(20 * np.log10(max(largest, 1e-9)))


def clicks(bench: Bench) -> Iterator[Row]:
    """Search the joins for steps that neither source has, and test the detector with injected clicks."""
    mix = bench.main_mix()
    margin = round(MARGIN_S * mix.timeline.rate)
    rng = np.random.default_rng(440)
    found = injected = seen = 0
    for join in joins(bench, mix, _decoded_mp3(bench), margin):
        _, threshold = _steps(join, join.heard)
        found += count_clicks(join)
        for at in rng.integers(4, len(join.heard) - 4, INJECTIONS):
            spoilt = join.heard.copy()
            # A single sample of height h has the second difference h, -2h, h.
            spoilt[at] += rng.choice((-1, 1)) * threshold[at - 1] * CLICK_RATIO / 2
            injected += 1
            seen += bool((_steps(join, spoilt)[0] > CLICK_LIMIT * threshold)[at - 3 : at + 2].any())
    yield Row(
        "clicks at joins",
        "0, by a detector that finds every injected one of 6 dB",
        f"{found} clicks; {seen} of {injected} injected found",
        "",
        found == 0 and seen == injected > 0,
        "a click is a second difference of the decoded MP3 less what the two sources explain, "
        f"above {CLICK_LIMIT} x the music's own: the local 99.9 percentile, or half of an attack there.",
    )


def count_clicks(join: Join) -> int:
    steps, threshold = _steps(join, join.heard)
    return int(np.count_nonzero(steps > CLICK_LIMIT * threshold))


def _steps(join: Join, heard: Samples) -> tuple[Power, Power]:
    """Return unexplained second differences, and how large the music's own are there.

    The latter is the local 99.9th percentile, or half of an attack that the sources have at this very place:
    an encoder blurs it.
    """
    unexplained = np.abs(np.diff(heard.astype(np.float64) - join.expected, n=2, axis=0)).max(axis=1)
    own = np.abs(np.diff(join.heard.astype(np.float64), n=2, axis=0)).max(axis=1)
    pieces = np.array_split(own, max(1, len(own) // 44_100))
    local = [np.full(len(piece), max(np.quantile(piece, 0.999), 1e-5)) for piece in pieces]
    attacks = np.abs(np.diff(join.expected.astype(np.float64), n=2, axis=0)).max(axis=1)
    return unexplained, np.maximum(np.concatenate(local), maximum_filter1d(attacks, ATTACK_FRAMES) / 2)


def _decoded_mp3(bench: Bench) -> NDArray[np.float32]:
    if "decoded" not in bench.kept:
        mix = bench.main_mix()
        bench.kept["decoded"] = decoded(bench, mix.artifact("mp3"), "mp3", mix.timeline.rate)
    sound: NDArray[np.float32] = bench.kept["decoded"]
    return sound


def _apply_gains(samples: Samples, gains: Power) -> Samples:
    return samples * gains.astype(np.float32)[:, None]


def _powers(samples: Samples, size: int) -> Power:
    whole = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size * 2)
    return np.mean(whole**2, axis=1)
