"""Snapshots of earlier formats are read in the present one; a later one is refused in a sentence."""

import pytest
from django.db import connection

from mixes.engine.errors import EngineError
from mixes.models import MixJob
from mixes.models.snapshot_format import FORMAT, STEPS, upgraded
from mixes.services.rendering import snapshots
from mixes.tests.factories import make_job_row, make_mix_row

pytestmark = pytest.mark.django_db


def test_every_earlier_format_has_a_step():
    assert sorted(STEPS) == list(range(FORMAT))


def test_a_snapshot_without_a_number_gets_what_came_later():
    track = {"id": "1", "title": "a", "album": "b", "track_number": 3}
    first = {"title": "x", "tracks": [track]}
    added = {"disc_number": None, "album_artist": ""}
    assert upgraded(first) == {"format": 1, "title": "x", "tracks": [{**track, **added}], "uses": []}
    assert "format" not in first


def test_a_stored_job_of_an_earlier_version_is_read_and_a_new_one_has_the_number(alice):
    job = make_job_row(make_mix_row(alice))
    assert job.snapshot["format"] == FORMAT
    older = {name: value for name, value in job.snapshot.items() if name != "format"}
    for track in older["tracks"]:
        del track["album_artist"]
    with connection.cursor() as cursor:  # as that version wrote it
        column = MixJob._meta.get_field("snapshot")
        value = column.get_db_prep_save(older, connection)
        cursor.execute("UPDATE mixes_mixjob SET snapshot = %s", [value])
    read = MixJob.objects.get().snapshot
    assert read["format"] == FORMAT and [track["album_artist"] for track in read["tracks"]] == ["", "", ""]


def test_a_snapshot_of_a_later_version_is_kept_and_refused(alice):
    job = make_job_row(make_mix_row(alice))
    later = {**job.snapshot, "format": FORMAT + 1}
    assert upgraded(later) == later
    with pytest.raises(EngineError, match="newer version of Mixtape"):
        snapshots.to_request(later)
