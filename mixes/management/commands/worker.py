"""`manage.py worker QUEUE`: run the jobs of one queue until a signal stops it."""

import contextlib
import multiprocessing.util
import os
import signal
import socket
import sys
import time
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error, connections
from django_q.cluster import Cluster

from mixes import tasks
from mixes.engine.processes import sandbox
from mixes.jobs import pulses, shutdown
from mixes.jobs.steady_clock import SteadyClock
from mixes.management.processes import die_with_parent
from mixes.queues import HOOKS, LONG, PUBLISH, QUEUES, SHORT
from mixes.services import schema, workers

POLL_S = 0.3
MAINTAIN_EVERY_S = 15.0  # interval of reaping lost jobs and resending lost wake-ups
MAINTAIN_AGAIN_S = 4.0  # the same after a check that could not judge leases; heartbeats come every second
NICE = {PUBLISH: 0, HOOKS: 0, SHORT: 5, LONG: 10}  # pages first, then short jobs, then mixes
RELEASE_TIMEOUT_S = 20.0  # that a job may take to stop and be requeued


class Command(BaseCommand):
    help = "Runs the jobs of one queue. SIGTERM and Ctrl-C requeue the running job and stop within seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue", choices=QUEUES)

    def handle(self, *args: Any, **options: Any) -> None:
        queue = options["queue"]
        if os.environ.get("Q_CLUSTER_NAME") != queue:
            raise CommandError(f"Start it as: manage.py worker {queue}")
        # skip interpreter exit: a queue thread of multiprocessing could block it
        os._exit(Worker(queue).run())


class Worker:
    """The main process of a worker command: runs the cluster and maintains its queue."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.signals = 0
        self.cluster = Cluster()
        self.database_clock, self.own_clock = SteadyClock(), SteadyClock()
        self.node = workers.Node(queue, socket.gethostname()[:100], os.getpid(), tasks.RUN_ID)
        self.pulses = pulses.Watch()
        self.waits_for_update = False

    def run(self) -> int:
        """Work until a signal comes or the cluster dies; return the exit status."""
        multiprocessing.util.register_after_fork(self, lambda worker: die_with_parent(signal.SIGKILL))
        if self.queue in (PUBLISH, HOOKS):  # they hold the key of the tokens
            sandbox.forbid_processes()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.note_signal)
        os.nice(NICE[self.queue])  # inherited by child processes
        connections.close_all()  # forked processes must not share a connection
        self.cluster.start()
        self.watch()
        return self.end()

    def note_signal(self, number: int, frame: FrameType | None) -> None:
        """Count the signal only: taking a lock inside a signal handler can deadlock (django-q2 #346)."""
        shutdown.stop()
        self.signals += 1

    def watch(self) -> None:
        due_s = 0.0
        while not self.signals and self.cluster.sentinel.is_alive():
            if self.own_clock.jump_s(time.time()) < 0:
                # the sentinel's timeouts use this clock and would wait for the length of the jump
                self.stderr("The clock was set back: this worker restarts.")
                return
            for pid in self.pulses.silent():
                self.end_process(pid)
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + (MAINTAIN_EVERY_S if self.maintain() else MAINTAIN_AGAIN_S)
            time.sleep(POLL_S)

    def end_process(self, pid: int) -> None:
        """End a process that hangs or works on a job it has lost; the cluster starts another."""
        self.pulses.forget(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.stderr(f"Process {pid} of this worker hung, so it was ended; its job is started again.")

    def maintain(self) -> bool:
        """Record a heartbeat and maintain the queue; return whether leases could be judged."""
        try:
            if not schema.is_complete():
                self.note_update()
                return False
            workers.beat(self.node, tasks.describe_current(self.queue))
            is_steady = not self.database_clock.jump_s(workers.database_time_s(self.node))
            tasks.maintain_queue(self.queue, trust_leases=is_steady)
        except Error as error:
            self.stderr(f"The database does not answer ({error}); trying again.")
            connections.close_all()
            return False
        return is_steady

    def note_update(self) -> None:
        """Say once that jobs wait for the database's migrations."""
        if not self.waits_for_update:
            self.waits_for_update = True
            self.stderr("The database lacks migrations: jobs wait until `manage.py migrate` has run.")

    def end(self) -> int:
        """Stop the cluster, release its rows, unregister the worker; return the exit status."""
        asked = bool(self.signals)
        shutdown.stop()
        until_s = time.monotonic() + RELEASE_TIMEOUT_S
        if self.cluster.sentinel.is_alive():
            self.cluster.stop_event.set()
        while self.cluster.sentinel.is_alive() and self.signals < 2 and time.monotonic() < until_s:
            time.sleep(POLL_S / 3)
        self.cluster.sentinel.kill()  # its child processes die with it
        self.cluster.sentinel.join()
        try:
            tasks.release_all(self.queue)
            workers.unregister(self.node)
        except Error as error:
            self.stderr(
                f"The database does not answer ({error}); running jobs are requeued when their leases expire."
            )
        return 0 if asked else 1

    @staticmethod
    def stderr(sentence: str) -> None:
        sys.stderr.write(sentence + "\n")
