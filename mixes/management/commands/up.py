"""`manage.py up`: run web server, workers and the daily clean-up as one command."""

import errno
import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from mixes.management.supervisor import Supervisor, manage_command
from mixes.queues import served_queues
from mixtape_site.configuration.worker_environment import without_secrets
from mixtape_site.operations.setup import prepare_site

CLEAN_EVERY_S = 24 * 3600.0


class Command(BaseCommand):
    help = "Runs the site: web server, workers and a daily clean-up. Ctrl-C or SIGTERM stops all of it."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_taken_port(settings.BIND, settings.PORT)
        prepare_site(self.stdout)
        commands = {
            "web": [
                sys.executable,
                "-m",
                "gunicorn",
                "-c",
                "python:mixtape_site.server",
                "mixtape_site.wsgi",
            ],
            **{f"{queue} worker": manage_command("worker", queue) for queue in served_queues()},
            "cleaner": manage_command("prune_media", "--yes"),
        }
        once: tuple[str, ...] = ()
        if settings.DEMO_ACCOUNT:
            commands["demo"] = manage_command("demo")
            once = ("demo",)
        self.say(f"Mixtape is starting on {settings.SITE_URL} (Ctrl-C stops it)")
        supervisor = Supervisor(
            commands,
            once=once,
            every_s={"cleaner": CLEAN_EVERY_S},
            environments={f"{queue} worker": without_secrets(queue, os.environ) for queue in served_queues()},
            say=self.say,
        )
        status = supervisor.run()
        self.say("Stopped.")
        sys.exit(status)

    def say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()


def refuse_taken_port(bind: str, port: int) -> None:
    """Raise CommandError when the port cannot be used, before a web server fails and restarts on it."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind.strip("[]"), port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                text = f"Port {port} is taken. Is Mixtape already running? MIXTAPE_PORT chooses another."
                raise CommandError(text) from error
            raise CommandError(f"{bind}:{port} cannot be used: {error.strerror}.") from error
