"""Check ffmpeg's final `-progress` report: exit status 0 does not prove that the output is complete.

Unlike the other lines on stderr, the report is documented and meant for programs.
"""

from pathlib import Path

from mixes.engine.errors import BrokenOutputError

REPORT_ARGS = ("-progress", "pipe:2", "-stats_period", "3600")  # once, at the end


def final_report(stderr: str) -> dict[str, str]:
    """Return the last report as keys and values; empty when ffmpeg did not reach its end."""
    report = dict(line.partition("=")[::2] for line in stderr.splitlines() if "=" in line)  # the last wins
    return report if report.get("progress") == "end" else {}


def file_size(path: Path) -> int:
    """Return the size of an output file in bytes, 0 when it does not exist."""
    return path.stat().st_size if path.is_file() else 0


def reported_bytes(stderr: str) -> int | None:
    """Return how many bytes ffmpeg reports to have written; None without a report."""
    size = final_report(stderr).get("total_size", "")
    return int(size) if size.isdecimal() else None


def check_complete(stderr: str, *, size: int, frames: int | None = None, duration_s: float = 0.0) -> None:
    """Raise BrokenOutputError when the report does not confirm a complete output.

    `size` is the number of bytes received and must match the report. `frames` is the expected number of video
    frames, `duration_s` the expected length of the sound, with a tolerance of 10 ms.
    """
    report = final_report(stderr)
    written_us = report.get("out_time_us", "")
    written_s = int(written_us) / 1e6 if written_us.isdecimal() else 0.0
    has_frames = frames is None or report.get("frame", "").strip() == str(frames)
    if not size or reported_bytes(stderr) != size or not has_frames or written_s < duration_s - 0.01:
        raise BrokenOutputError("A helper program returned an incomplete result.")
