"""Memory of the whole process tree, and that it does not grow with the length of the mix."""

from collections.abc import Iterator

from benchmarks import music, rivals
from benchmarks.exact import video_span
from benchmarks.ours import Bench, Mix, repeated
from benchmarks.report import Row

MOST_MB, GROWTH = 300.0, 1.1
HALF_HOUR_S, THREE_HOURS_S, EIGHT_HOURS_S = 1800.0, 3 * 3600.0, 8 * 3600.0


def memory(bench: Bench) -> Iterator[Row]:
    """Sample the sum of PSS ten times a second during mixes of half an hour and of three hours."""
    bench.warm_up()
    short_s, long_s = (180.0, 900.0) if bench.quick else (HALF_HOUR_S, THREE_HOURS_S)
    short, long = (_sampled(bench, seconds, "--no-check") for seconds in (short_s, long_s))
    cold = _sampled(bench, short_s, cold=True)
    picture = _sampled(bench, short_s, "--no-check", "--formats", "mp3,mp4", *bench.pictured)
    pydub = rivals.pydub_seed(bench.ffmpeg, bench.music.tracks, bench.work / "pydub.mp3", memory=True)
    acrossfade = rivals.acrossfade(bench.ffmpeg, bench.music.tracks, bench.work / "a.mp3", memory=True)
    peaks = [mix.run.peak_mb for mix in (short, long, picture, cold)]
    if None in peaks:
        yield Row("peak memory", f"<= {MOST_MB:.0f} MB", "needs Linux's smaps_rollup")
        return
    short_mb, long_mb, picture_mb, cold_mb = (float(peak or 0) for peak in peaks)
    whole_min, short_min, long_min = (
        seconds / 60 for seconds in (bench.music.total_s, short.timeline.duration_s, long.timeline.duration_s)
    )
    yield Row(
        f"peak memory, MP3 of {short_min:.0f} min",
        f"<= {MOST_MB:.0f} MB",
        f"{short_mb:.0f} MB",
        f"pydub {pydub.peak_mb:.0f} MB, acrossfade {acrossfade.peak_mb:.0f} MB, of {whole_min:.0f} min",
        short_mb <= MOST_MB,
    )
    yield Row(
        f"peak memory, MP3 of {short_min:.0f} min with analysis and check",
        f"<= {MOST_MB:.0f} MB",
        f"{cold_mb:.0f} MB",
        "",
        cold_mb <= MOST_MB,
    )
    yield Row(
        f"peak memory, {long_min:.0f} min against {short_min:.0f} min",
        f"<= {GROWTH} x",
        f"{long_mb / short_mb:.2f} x ({long_mb:.0f} MB)",
        "",
        long_mb <= GROWTH * short_mb,
    )
    yield Row(
        "peak memory, MP3 and 1080p MP4",
        f"<= {MOST_MB:.0f} MB",
        f"{picture_mb:.0f} MB",
        "",
        picture_mb <= MOST_MB,
    )


def eight_hours(bench: Bench) -> Iterator[Row]:
    """Make and check a mix that exceeds every 2 and 4 GB boundary: float32 samples, 16-bit samples, MP4."""
    if not bench.long:
        yield Row("mix of 8 hours", "passes every 2 and 4 GB mark", "not run (`--long`)")
        return
    bench.warm_up()
    mix = _sampled(bench, EIGHT_HOURS_S, "--formats", "mp3,mp4", *bench.pictured)
    timeline = mix.timeline
    decoded = music.count_frames(bench.ffmpeg, mix.artifact("mp3"), timeline.rate)
    first_s, end_s = video_span(bench.ffmpeg, mix.artifact("mp4"))
    fits = decoded == timeline.frames and abs(end_s - first_s - timeline.duration_s) < 0.04
    yield Row(
        f"mix of {timeline.duration_s / 3600:.1f} hours",
        "passes every 2 and 4 GB mark",
        f"MP3 {decoded - timeline.frames:+d} frames, MP4 {end_s - first_s - timeline.duration_s:+.3f} s, "
        f"{mix.run.wall_s:.0f} s",
        f"{timeline.frames * 8 / 1e9:.1f} GB as float32; "
        f"MP4 {mix.artifact('mp4').stat().st_size / 1e9:.2f} GB",
        fits,
    )
    if (peak_mb := mix.run.peak_mb) is None:
        yield Row("peak memory of that mix", f"<= {MOST_MB:.0f} MB", "needs Linux's smaps_rollup")
        return
    yield Row(
        "peak memory of that mix, MP3 and 1080p MP4 with check sheets",
        f"<= {MOST_MB:.0f} MB",
        f"{peak_mb:.0f} MB",
        "",
        peak_mb <= MOST_MB,
    )


def _sampled(bench: Bench, seconds: float, *options: str, cold: bool = False) -> Mix:
    tracks = repeated(bench.music.tracks, bench.music.lengths_s, seconds)
    return bench.mix("memory", tracks, *options, memory=True, cold=cold)
