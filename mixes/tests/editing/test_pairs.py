"""Joins that were set before they belonged to a pair."""

from importlib import import_module

from django.apps import apps

from mixes.models import MixTrack
from mixes.services.editing.engine_settings import items_of

migration = import_module("mixes.migrations.0008_uses_of_tracks")


def test_a_join_set_before_belongs_to_the_song_that_follows(mix):
    MixTrack.objects.filter(position=0).update(join_style="cut")
    MixTrack.objects.filter(position=2).update(join_s=4.0)
    migration.name_the_pairs(apps, None)
    first, second, last = items_of(mix)
    assert (first.join_into, second.join_into, last.join_into) == (second.pk, None, None)
