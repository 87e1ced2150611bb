"""Everything that can go wrong in the engine; `str(error)` is one sentence fit to show a user."""

import re
from pathlib import Path

from mixes.engine.text import clean_text

REPORT_LINE = re.compile(r"[a-z_0-9]+=")  # of ffmpeg's own figures, which come after what went wrong


class EngineError(Exception):
    """Base of all errors the engine raises on purpose."""


class DecodeError(EngineError):
    """An audio file that cannot be used: what it is called and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{clean_text(path.name)}: {reason}")
        self.path = path
        self.reason = reason


class PictureError(EngineError):
    """A picture that cannot be used: what it is called and why."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{clean_text(path.name)}: {reason}")
        self.path = path
        self.reason = reason


class TimelineError(EngineError):
    """An arrangement that cannot be laid out."""


class OutputError(EngineError):
    """A result that could not be written or did not verify."""


class BrokenOutputError(OutputError):
    """A child process that ended well and gave something else than it was asked for; another try may do."""


class DiskFullError(OutputError):
    """A child process that found no space left on the disk."""

    def __init__(self) -> None:
        super().__init__("There is no space left on the disk. Free some and start again.")


class FfmpegError(EngineError):
    """A child process that failed, with the end of what it said."""

    def __init__(self, returncode: int, stderr_tail: str) -> None:
        lines = [line for line in stderr_tail.splitlines() if line.strip() and not REPORT_LINE.match(line)]
        last_line = lines[-1].strip() if lines else "no message"
        super().__init__(f"ffmpeg stopped with status {returncode}: {last_line}")
        self.returncode = returncode
        self.stderr_tail = stderr_tail


class StalledError(EngineError):
    """A child process that made no progress, or took longer than it may."""


class InterruptedDecodeError(DecodeError, StalledError):
    """Decoding that hung or crashed or lost something on its way: another try may not."""


class Cancelled(EngineError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")
