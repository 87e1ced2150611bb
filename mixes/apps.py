"""Tracks, mixes and what is made of them."""

from django.apps import AppConfig


class MixesConfig(AppConfig):
    name = "mixes"
