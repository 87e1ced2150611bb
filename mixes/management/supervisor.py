"""Supervise several commands: start them together, restart those that die, stop them together.

A command may also run only once, or repeatedly with a pause in between.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from mixes.management.processes import die_with_parent

POLL_S = 0.2
GRACE_S = 30.0  # for children to end after SIGTERM
PAUSES_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # before a child that keeps dying is restarted
FIRST_RUN_S = 3600.0  # before the first run of a periodic child, at most
STEADY_S = 60.0  # a child that ran this long starts again with the shortest pause


@dataclass(slots=True)
class Child:
    """A supervised command: continuous, once, or periodic."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] | None = None  # None: inherited
    once: bool = False
    every_s: float = 0.0  # from its end to its next start; 0: continuous
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    deaths: int = 0
    due_s: float = field(default=0.0)  # time of the next start

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Runs `commands` (name -> argument list) until a signal comes.

    Those in `once` are not restarted; those in `every_s` run again so many seconds after they ended. Those in
    `environments` get exactly that environment.
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        once: Sequence[str] = (),
        every_s: Mapping[str, float] | None = None,
        environments: Mapping[str, Mapping[str, str]] | None = None,
        say: Callable[[str], None],
    ) -> None:
        given = environments or {}
        self.children = [Child(name, line, given.get(name), name in once) for name, line in commands.items()]
        for child in self.children:
            if every_s and child.name in every_s:
                child.every_s = every_s[child.name]
                child.due_s = time.monotonic() + min(FIRST_RUN_S, child.every_s)
        self.say = say
        self.signals = 0

    def run(self) -> int:
        """Supervise until a signal comes; return 0 when all children then ended by themselves, else 1."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.note_signal)
        while not self.signals:
            for child in self.children:
                self.start_if_due(child)
            time.sleep(POLL_S)
        return self.stop()

    def note_signal(self, number: int, frame: FrameType | None) -> None:
        self.signals += 1

    def start_if_due(self, child: Child) -> None:
        """Start a child that is not running and is due."""
        if child.is_alive():
            return
        if child.process is not None and not child.due_s:
            self.note_death(child)
        if child.once and child.process is not None:
            return
        if time.monotonic() >= child.due_s:
            start(child)

    def note_death(self, child: Child) -> None:
        assert child.process is not None
        if child.once or child.every_s:
            if child.process.returncode:
                self.say(f"{child.name} ended with status {child.process.returncode}.")
            child.due_s = float("inf") if child.once else time.monotonic() + child.every_s
            return
        if time.monotonic() - child.started_s > STEADY_S:
            child.deaths = 0
        pause_s = PAUSES_S[min(child.deaths, len(PAUSES_S) - 1)]
        child.deaths += 1
        child.due_s = time.monotonic() + pause_s
        self.say(
            f"{child.name} ended with status {child.process.returncode}; started again in {pause_s:.0f} s."
        )

    def stop(self) -> int:
        """Stop all children with SIGTERM; after the grace period or a second signal, with SIGKILL."""
        for child in self.children:
            if child.is_alive() and child.process:
                child.process.send_signal(signal.SIGTERM)
        until_s = time.monotonic() + GRACE_S
        while any(c.is_alive() for c in self.children) and time.monotonic() < until_s and self.signals < 2:
            time.sleep(POLL_S / 2)
        stubborn = [child for child in self.children if child.is_alive()]
        for child in stubborn:
            self.say(f"{child.name} did not end in time and was killed.")
        for child in self.children:
            if child.process:
                kill_group(child.process)
        return 1 if stubborn else 0


def start(child: Child) -> None:
    """Start a child in its own session, so that Ctrl-C reaches only this process, which passes it on."""
    child.due_s = 0.0
    child.started_s = time.monotonic()
    # preexec_fn is safe here: this process has no threads
    child.process = subprocess.Popen(
        child.command, stdin=subprocess.DEVNULL, env=child.environment, preexec_fn=_prepare
    )


def _prepare() -> None:
    os.setsid()
    die_with_parent(signal.SIGTERM)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what remains of a child's session, and collect its exit status."""
    with contextlib.suppress(ProcessLookupError):  # no process is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def manage_command(*arguments: str) -> list[str]:
    """Return the command line of a management command of this site."""
    return [sys.executable, sys.argv[0], *arguments]
