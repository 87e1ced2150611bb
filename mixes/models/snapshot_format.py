"""The format of the snapshots of mix jobs, and the way from each earlier format to the present one."""

from collections.abc import Callable
from typing import Any

from django.db import models

FORMAT = 1
Snapshot = dict[str, Any]


class SnapshotField(models.JSONField):
    """A snapshot; stored ones of an earlier format are read in the present one."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        snapshot = super().from_db_value(value, expression, connection)
        return upgraded(snapshot) if isinstance(snapshot, dict) else snapshot


def upgraded(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot in the present format; one of a later format as it is."""
    while (number := format_of(snapshot)) < FORMAT:
        snapshot = {**STEPS[number](snapshot), "format": number + 1}
    return snapshot


def format_of(snapshot: Snapshot) -> int:
    """Return the format's number; the first snapshots had none."""
    return int(snapshot.get("format", 0))


def add_album_names_and_uses(snapshot: Snapshot) -> Snapshot:
    """From 0 to 1: tracks got disc number and album artist, and mixes the part of each song to use."""
    missing = {"disc_number": None, "album_artist": ""}
    tracks = [{**missing, **track} for track in snapshot.get("tracks", ())]
    return {"uses": [], **snapshot, "tracks": tracks}


# by the format they start from
STEPS: dict[int, Callable[[Snapshot], Snapshot]] = {0: add_album_names_and_uses}
