#!/usr/bin/env python
"""Django's command line, with Mixtape's own commands."""

import os
import sys

from mixtape_site.configuration.worker_environment import cleaner_environment


def prepare_worker(queue: str) -> None:
    """Restart this process without secrets that the worker must not know; set django-q2's queue."""
    if cleaner := cleaner_environment(queue):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], cleaner)
    os.environ["Q_CLUSTER_NAME"] = queue  # django-q2 reads it while Django starts


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    if sys.argv[1:2] == ["worker"]:
        prepare_worker("".join(sys.argv[2:3]))
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # Ctrl-C while a command is still starting
        sys.exit(130)
