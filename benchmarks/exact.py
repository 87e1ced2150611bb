"""Sample accuracy of the output: length, first sample, and seams between separately encoded chunks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import browser, measure, music, rivals
from benchmarks.music import Samples
from benchmarks.ours import Bench, Mix
from benchmarks.report import Row
from mixes.engine.codecs import aac, mp3
from mixes.engine.codecs.encode import CHUNK_S, plan_chunks
from mixes.engine.mixing.limiter import Limiter
from mixes.engine.rendering.render import render_blocks

LOOK_FRAMES = 1 << 17  # 3 s of music, correlated at each end
SEAM_FRAMES = 4096  # around a seam, where the codec's frames overlap
MP3_SEAM_DB, AAC_SEAM_DB, ALWAYS_GOOD_DB = 0.5, 6.0, 30.0
AV_START_S, VIDEO_FRAME_S = 0.001, 1 / 25


def render_raw(bench: Bench, mix: Mix, name: str = "main") -> NDArray[np.float32]:
    """Return a mix as it enters the encoders, a memory map: float32 of shape (frames, 2)."""
    path = bench.work / f"{name}.f32"
    if path not in bench.kept.values():
        limiter = Limiter(mix.timeline.rate)
        with path.open("wb") as file:
            for block in render_blocks(mix.timeline, mix.paths, ffmpeg=bench.ffmpeg):
                limiter.process(block).tofile(file)
            limiter.flush().tofile(file)
        bench.kept[f"raw {name}"] = path
    return np.memmap(path, dtype="<f4", mode="r").reshape(-1, 2)


def decoded(bench: Bench, path: Path, name: str, rate: int) -> NDArray[np.float32]:
    """Decode a whole file with plain ffmpeg into a memory map: float32 of shape (frames, 2)."""
    raw = bench.work / f"{name}.f32"
    form = ("-ac", "2", "-ar", str(rate), "-f", "f32le")
    measure.run([bench.ffmpeg, *rivals.QUIET, "-i", path, "-map", "0:a:0", *form, raw])
    return np.memmap(raw, dtype="<f4", mode="r").reshape(-1, 2)


def lengths(bench: Bench) -> Iterator[Row]:
    """Compare decoded MP3 and MP4 with the plan: number of frames, position of first and last sound."""
    mix = bench.main_mix()
    raw = render_raw(bench, mix)
    timeline = mix.timeline
    for kind in ("mp3", "mp4"):
        sound = decoded(bench, mix.artifact(kind), kind, timeline.rate)
        first, last = lag(sound, raw), lag(sound[-LOOK_FRAMES:], raw[-LOOK_FRAMES:])
        exact = len(sound) == timeline.frames == len(raw) and first == 0
        yield Row(
            f"{kind.upper()} decoded by ffmpeg",
            "the plan's frames, from its first sample" if kind == "mp3" else "for comparison",
            f"{len(sound) - timeline.frames:+d} frames, begins {first:+d}, ends {last:+d}",
            f"plan {timeline.frames} frames",
            exact if kind == "mp3" else None,
        )
    yield _audio_with_video(bench, mix)
    yield chromium(bench)


def _audio_with_video(bench: Bench, mix: Mix) -> Row:
    path, timeline = mix.artifact("mp4"), mix.timeline
    picture_s, end_s = video_span(bench.ffmpeg, path)
    sound = np.memmap(bench.work / "mp4.f32", dtype="<f4", mode="r").reshape(-1, 2)
    sound_s = _first_sound_s(bench.ffmpeg, path) + lag(sound, render_raw(bench, mix)) / timeline.rate
    off_s, longer_s = sound_s - picture_s, end_s - picture_s - timeline.duration_s
    return Row(
        "MP4, sound against picture",
        "starts within 1 ms, lengths within one frame (40 ms)",
        f"starts {off_s * 1000:+.2f} ms, picture {longer_s * 1000:+.1f} ms longer",
        "",
        abs(off_s) <= AV_START_S and abs(longer_s) <= VIDEO_FRAME_S,
    )


def video_span(ffmpeg: Path, path: Path) -> tuple[float, float]:
    """Return the start of the first and the end of the last video frame in seconds, from packet times."""
    packets = _packets(ffmpeg, path, "-map", "0:v:0", "-c", "copy")
    return min(begin for begin, _ in packets), max(end for _, end in packets)


def _first_sound_s(ffmpeg: Path, path: Path) -> float:
    return _packets(ffmpeg, path, "-t", "0.2", "-map", "0:a:0", "-c:a", "pcm_f32le")[0][0]


def _packets(ffmpeg: Path, path: Path, *options: str) -> list[tuple[float, float]]:
    argv = [ffmpeg, "-nostdin", "-v", "error", "-i", path, *options, "-copyts", "-f", "framecrc", "-"]
    text = measure.run(argv).stdout
    base = re.search(r"#tb 0: (\d+)/(\d+)", text)
    assert base is not None
    unit_s = int(base[1]) / int(base[2])
    rows = [line.split(",") for line in text.splitlines() if line and not line.startswith("#")]
    return [(int(row[2]) * unit_s, (int(row[2]) + int(row[3])) * unit_s) for row in rows]


def chromium(bench: Bench) -> Row:
    """Decode a short mix in a browser; the samples of an hour would not fit into a page."""
    figure, goal = "MP3 decoded by Chromium", "the plan's frames, from its first sample"
    name = browser.find_browser()
    if name is None:
        return Row(figure, goal, "Chromium is not installed")
    mix = bench.mix("browser", bench.music.tracks[:1], "--no-check")
    rate, frames = mix.timeline.rate, mix.timeline.frames
    found = browser.decode(name, mix.artifact("mp3"), rate, LOOK_FRAMES)
    if found is None:
        return Row(figure, goal, "Chromium gave no answer", reached=False)
    begins = lag(found.beginning, np.repeat(bench.source(mix, 0)[:LOOK_FRAMES, :1], 2, axis=1))
    return Row(
        figure,
        goal,
        f"{found.frames - frames:+d} frames, begins {begins:+d}",
        f"plan {frames} frames, first sample that of the source at its cue-in",
        found.frames == frames and begins == 0,
    )


def lag(sound: Samples, original: Samples) -> int:
    """Return by how many frames the beginning of `sound` lags that of `original`, by cross-correlation."""
    frames = min(len(sound), len(original), LOOK_FRAMES)
    one, other = (x[:frames].mean(axis=1, dtype=np.float64) for x in (sound, original))
    spectrum = np.fft.rfft(one, 2 * frames) * np.conj(np.fft.rfft(other, 2 * frames))
    best = int(np.argmax(np.fft.irfft(spectrum, 2 * frames)))
    return best if best < frames else best - 2 * frames


@dataclass(frozen=True, slots=True)
class Codec:
    """One of our codecs: where it cuts the stream, and ffmpeg's options to encode it in one piece."""

    kind: str
    seams: tuple[int, ...]  # positions in samples of the mix
    options: tuple[str, ...]
    ending: str
    allowed_db: float


def seams(bench: Bench) -> Iterator[Row]:
    """Compare the noise around every seam with that of the same encoder without seams."""
    mix = bench.mix(
        "encoded-main", bench.music.tracks, "--formats", "mp3,mp4", "--encode-all", *bench.pictured
    )
    raw = render_raw(bench, mix, "encoded")
    for codec in _codecs(bench, mix):
        whole = bench.work / f"whole.{codec.ending}"
        form = ("-f", "f32le", "-ar", str(mix.timeline.rate), "-ac", "2")
        measure.run(
            [bench.ffmpeg, *rivals.QUIET, *form, "-i", bench.work / "encoded.f32", *codec.options, whole]
        )
        ours = decoded(bench, mix.artifact(codec.kind), codec.kind, mix.timeline.rate)
        theirs = decoded(bench, whole, "whole", mix.timeline.rate)
        pairs = [(_snr_db(raw, ours, at), _snr_db(raw, theirs, at)) for at in codec.seams]
        worse = [one - other for one, other in pairs if np.isfinite(other)]
        lost = [
            one - other for one, other in pairs if one - other < -codec.allowed_db and one < ALWAYS_GOOD_DB
        ]
        yield Row(
            f"{codec.kind.upper()} seams ({len(codec.seams)})",
            f"within {codec.allowed_db} dB of one piece, or >= {ALWAYS_GOOD_DB:.0f} dB",
            f"worst {min(worse, default=0):+.2f} dB, mean {np.mean(worse or [0]):+.2f} dB, {len(lost)} more",
            f"in one piece {np.median([other for _, other in pairs] or [0]):.1f} dB of signal to noise",
            not lost,
        )
        whole.unlink()


def _codecs(bench: Bench, mix: Mix) -> Iterator[Codec]:
    frames, rate = mix.timeline.frames, mix.timeline.rate
    lame = mp3.frame_format(bench.ffmpeg, mp3.Mp3Format(rate, 320))
    plan = plan_chunks(mp3.encoder_frames(frames), lame, rate, CHUNK_S)
    late = mp3.ENCODER_DELAY + mp3.DECODER_DELAY
    places = tuple(chunk.first * mp3.FRAME_SAMPLES - late for chunk in plan[1:])
    yield Codec("mp3", places, _encoder_options(lame.argv), "mp3", MP3_SEAM_DB)
    native = aac.frame_format(bench.ffmpeg, rate, aac.DEFAULT_KBPS)
    plan = plan_chunks(aac.adts_info(frames).frames, native, rate, CHUNK_S)
    places = tuple(chunk.first * aac.FRAME_SAMPLES - aac.PRIMING_SAMPLES for chunk in plan[1:])
    yield Codec("mp4", places, _encoder_options(native.argv), "m4a", AAC_SEAM_DB)


def _encoder_options(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the part of a command that configures the encoder, not its container."""
    first = argv.index("-c:a")
    ends = [argv.index(name, first) for name in ("-f", "-write_xing") if name in argv[first:]]
    return argv[first : min(ends)]


def _snr_db(original: Samples, sound: Samples, at: int) -> float:
    part = slice(at - SEAM_FRAMES // 2, at + SEAM_FRAMES // 2)
    signal, noise = original[part].astype(np.float64), sound[part].astype(np.float64)
    error = np.sum((signal - noise) ** 2)
    return float(10 * np.log10(max(np.sum(signal**2), 1e-12) / max(error, 1e-12)))


def mixed_formats(bench: Bench) -> Iterator[Row]:
    """Mix the same music from ten formats, five sample rates, mono and stereo; check sample accuracy."""
    mix = bench.mix("mixed", bench.music.mixed)
    frames = music.count_frames(bench.ffmpeg, mix.artifact("mp3"), mix.timeline.rate)
    yield Row(
        f"mix of {len(bench.music.mixed)} formats and rates",
        "decoded length equals the plan",
        f"{frames - mix.timeline.frames:+d} frames, {mix.run.wall_s:.1f} s, cold, with check",
        ", ".join(sorted({path.suffix[1:] for path in bench.music.mixed})),
        frames == mix.timeline.frames,
    )
