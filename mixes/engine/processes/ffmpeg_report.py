"""What an ffmpeg tells at its end of all that it made: exit status 0 alone does not mean that all of it came.

The report of `-progress` is documented and meant for programs, unlike the lines beside it.
"""

from pathlib import Path

from mixes.engine.errors import BrokenOutputError

REPORT_ARGS = ("-progress", "pipe:2", "-stats_period", "3600")  # once, at the end


def final_report(stderr: str) -> dict[str, str]:
    """Return what was told at the end, empty for one that never got there."""
    report = dict(line.partition("=")[::2] for line in stderr.splitlines() if "=" in line)  # the last counts
    return report if report.get("progress") == "end" else {}


def file_size(path: Path) -> int:
    """Return the size of a file that was to be written, 0 when it is not there."""
    return path.stat().st_size if path.is_file() else 0


def reported_bytes(stderr: str) -> int | None:
    """Return how many bytes it wrote in all; None when it did not say."""
    size = final_report(stderr).get("total_size", "")
    return int(size) if size.isdecimal() else None


def check_complete(stderr: str, *, size: int, frames: int | None = None, duration_s: float = 0.0) -> None:
    """Raise BrokenOutputError when `size` bytes are not all it wrote, or when it had not all it was to write.

    `frames` are those of the video, `duration_s` of the sound, 10 ms more or less.
    """
    report = final_report(stderr)
    written_us = report.get("out_time_us", "")
    written_s = int(written_us) / 1e6 if written_us.isdecimal() else 0.0
    has_frames = frames is None or report.get("frame", "").strip() == str(frames)
    if not size or reported_bytes(stderr) != size or not has_frames or written_s < duration_s - 0.01:
        raise BrokenOutputError("A program that works on the sound gave less than it was asked for.")
