"""Settings with timeouts of seconds instead of minutes, for workers in real processes."""

from dataclasses import replace

from django.apps import AppConfig

from mixes.engine.codecs import encode
from mixes.engine.processes import sandbox
from mixes.engine.processes.ffmpeg import find_ffmpeg
from mixtape_site import settings

STALL_S = 2.0
globals().update({name: getattr(settings, name) for name in dir(settings) if name.isupper()})
INSTALLED_APPS = [*settings.INSTALLED_APPS, "mixes.tests.torture.harness.hurried.Hurried"]
# The replacement of ffmpeg starts the real one
sandbox.SYSTEM_PATHS = (*sandbox.SYSTEM_PATHS, find_ffmpeg())
encode.ENCODE = replace(encode.ENCODE, stall_s=STALL_S)


class Hurried(AppConfig):
    name = "mixes.tests.torture"
    label = "torture"

    def ready(self):
        from mixes import leases

        leases.BACKOFF_S = (1, 1)
