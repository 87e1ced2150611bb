"""Everything that can go wrong in the engine; `str(error)` is one sentence fit to show a user."""

from pathlib import Path

from mixes.engine.text import clean_text


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


class FfmpegError(EngineError):
    """A child process that failed, with the end of what it said."""

    def __init__(self, returncode: int, stderr_tail: str) -> None:
        last_line = stderr_tail.strip().splitlines()[-1] if stderr_tail.strip() else "no message"
        super().__init__(f"ffmpeg stopped with status {returncode}: {last_line}")
        self.returncode = returncode
        self.stderr_tail = stderr_tail


class StalledError(EngineError):
    """A child process that made no progress, or took longer than it may."""


class Cancelled(EngineError):
    """The caller asked to stop."""

    def __init__(self) -> None:
        super().__init__("Cancelled.")
