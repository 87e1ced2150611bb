#!/usr/bin/env python
"""Django's command line, with Mixtape's own commands."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mixtape_site.settings")
    if sys.argv[1:2] == ["worker"]:  # django-q2 reads its queue from here while Django starts
        os.environ["Q_CLUSTER_NAME"] = "".join(sys.argv[2:3])
    try:
        execute_from_command_line(sys.argv)
    except KeyboardInterrupt:  # Ctrl-C while a command is still starting
        sys.exit(130)
