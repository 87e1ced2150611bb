"""App configuration of tracks, mixes and jobs."""

from django.apps import AppConfig


class MixesConfig(AppConfig):
    name = "mixes"
