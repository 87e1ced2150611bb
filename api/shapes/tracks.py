"""Tracks of the library."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from ninja import Field

from api.shapes.common import Answer, Shape, Text, missing, one_of, rounded
from mixes.engine.tags.tags import MAX_NUMBER
from mixes.forms.tracks import MAX_LENGTH
from mixes.models import Track

StateAsked = Literal["uploading", "listening", "ready", "refused"]
TrackState = Annotated[str, one_of(*Track.State.values)]
Name = Annotated[Text, Field(max_length=MAX_LENGTH)]


class TrackOut(Answer):
    """A file that was added. `state` is `ready` once it was measured; `refused` says in `problem` why."""

    id: UUID
    state: TrackState
    name: str = Field(description="the file's name")
    title: str
    artist: str
    album: str
    track_number: int | None
    size: int = Field(description="bytes")
    duration_s: float | None
    integrated_lufs: float | None
    notes: list[str]
    problem: str
    created_at: datetime


class TrackAdded(Answer):
    """A file that has arrived; ask for it until its state is `ready`."""

    id: UUID
    state: TrackState


class TrackIn(Shape):
    """Names to change; those that are missing stay."""

    title: Annotated[Name, Field(min_length=1)] = missing()
    artist: Name = missing()
    album: Name = missing()
    track_number: Annotated[int, Field(ge=1, le=MAX_NUMBER)] | None = missing()


def show_track(track: Track) -> TrackOut:
    return TrackOut(
        id=track.pk,
        state=track.state,
        name=track.name,
        title=track.title,
        artist=track.artist,
        album=track.album,
        track_number=track.track_number,
        size=track.size,
        duration_s=rounded(track.duration_s),
        integrated_lufs=rounded(track.integrated_lufs),
        notes=[str(note) for note in track.notes],
        problem=track.problem,
        created_at=track.created_at,
    )
