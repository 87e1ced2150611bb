"""Exceptions raised by the engine; `str(error)` is one sentence that can be shown to a user."""

import re
from pathlib import Path

from mixes.engine.text import clean_text

REPORT_LINE = re.compile(r"[a-z_0-9]+=")  # of ffmpeg's `-progress` report, which follows the error message


class EngineError(Exception):
    """Base class of all errors the engine raises deliberately."""


class DecodeError(EngineError):
    """An audio file that cannot be used; holds its path and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{clean_text(path.name)}: {reason}")
        self.path = path
        self.reason = reason


class PictureError(EngineError):
    """A picture that cannot be used; holds its path and the reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{clean_text(path.name)}: {reason}")
        self.path = path
        self.reason = reason


class TimelineError(EngineError):
    """An arrangement that cannot become a valid timeline."""


class OutputError(EngineError):
    """An output that could not be written or failed verification."""


class BrokenOutputError(OutputError):
    """A child process exited with status 0 but its output is wrong; a retry may succeed."""


class DiskFullError(OutputError):
    """A child process ran out of disk space."""

    def __init__(self) -> None:
        super().__init__("There is no space left on the disk. Free some and start again.")


class FfmpegError(EngineError):
    """A child process failed; holds its exit status and the end of its stderr."""

    def __init__(self, returncode: int, stderr_tail: str) -> None:
        lines = [line for line in stderr_tail.splitlines() if line.strip() and not REPORT_LINE.match(line)]
        last_line = lines[-1].strip() if lines else "no message"
        super().__init__(f"ffmpeg stopped with status {returncode}: {last_line}")
        self.returncode = returncode
        self.stderr_tail = stderr_tail


class StalledError(EngineError):
    """A child process made no progress or exceeded its time limit."""


class FolderInUseError(EngineError):
    """An earlier run of the same mix still holds its work folder."""

    def __init__(self) -> None:
        super().__init__("An earlier run of this mix has not ended yet.")


class InterruptedDecodeError(DecodeError, StalledError):
    """Decoding hung, crashed or lost data; a retry may succeed."""


class Cancelled(EngineError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")
