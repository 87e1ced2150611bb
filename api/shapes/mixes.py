"""Mixes with their settings, and the tracks in them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Field

from api.shapes.common import Answer, Shape, Text, missing, rounded
from api.shapes.tracks import TrackState
from mixes.models import Mix, MixTrack

MOST_TRACKS = 1_000  # of one request; the site's limit for a mix is lower and has its own sentence


class Settings(Answer):
    """How a mix sounds, and what is made of it."""

    style: str
    transition_s: float | None = Field(description="null: chosen for each pair of songs")
    gap_s: float
    soften: bool
    trim: bool
    target_lufs: float | None = Field(description="null: levels stay as they are")
    album_dynamics: bool
    even_joins: bool
    skip_quiet_intros: bool
    shorten_silences: bool
    max_play_s: float | None = Field(description="null: songs play whole")
    fade_in_s: float
    fade_out_s: float
    make_mp3: bool
    make_mp4: bool
    bitrate_kbps: int
    copy_mp3: bool = Field(description="frames of MP3 songs are copied where nothing changes them")
    video_size: str
    title_cards: bool


class SettingsIn(Shape):
    """Settings to change; those that are missing stay."""

    style: Text = missing()
    transition_s: float | None = missing()
    gap_s: float = missing()
    soften: bool = missing()
    trim: bool = missing()
    target_lufs: float | None = missing()
    album_dynamics: bool = missing()
    even_joins: bool = missing()
    skip_quiet_intros: bool = missing()
    shorten_silences: bool = missing()
    max_play_s: float | None = missing()
    fade_in_s: float = missing()
    fade_out_s: float = missing()
    make_mp3: bool = missing()
    make_mp4: bool = missing()
    bitrate_kbps: int = missing()
    copy_mp3: bool = missing()
    video_size: Text = missing()
    title_cards: bool = missing()


class MixSummary(Answer):
    """A mix as lists show it."""

    id: UUID
    title: str
    artist: str
    version: int = Field(description="grows with every change; the value for If-Match")
    duration_s: float | None = Field(description="of its plan, once there is one")
    created_at: datetime
    updated_at: datetime


class MixItem(Answer):
    """One use of a track in a mix; `id` names the use, and the join after it."""

    id: UUID
    track: UUID
    title: str
    artist: str
    state: TrackState
    duration_s: float | None
    cue_in_s: float | None = Field(description="where it begins in its file; null: chosen")
    cue_out_s: float | None = Field(description="where it ends in its file; null: chosen")
    gain_db: float | None = Field(description="null: chosen")
    unlisted: bool


class MixOut(MixSummary):
    """A mix with everything that can be changed."""

    description_template: str
    hashtags: str
    settings: Settings
    tracks: list[MixItem]


class MixNew(Shape):
    """A new mix; without a title it is named after the day."""

    title: Annotated[Text, Field(max_length=200)] = ""
    tracks: Annotated[list[UUID], Field(max_length=MOST_TRACKS)] = Field(default_factory=list)
    settings: SettingsIn = SettingsIn()


class MixIn(Shape):
    """What to change of a mix; what is missing stays."""

    title: Annotated[Text, Field(min_length=1, max_length=200)] = missing()
    artist: Annotated[Text, Field(max_length=200)] = missing()
    description_template: Annotated[Text, Field(max_length=20_000)] = missing()
    hashtags: Annotated[Text, Field(max_length=500)] = missing()
    settings: SettingsIn = SettingsIn()


class TracksIn(Shape):
    """The tracks of a mix in order. One that is there already keeps what was set for it."""

    tracks: Annotated[list[UUID], Field(max_length=MOST_TRACKS)]


def summary_of(mix: Mix) -> dict[str, Any]:
    """Return the members of a mix in lists."""
    names = ("title", "artist", "version", "created_at", "updated_at")
    return {
        "id": mix.pk,
        "duration_s": rounded(mix.duration_s),
        **{name: getattr(mix, name) for name in names},
    }


def show_mix(mix: Mix, items: Sequence[MixTrack]) -> MixOut:
    return MixOut(
        **summary_of(mix),
        description_template=mix.description_template,
        hashtags=mix.hashtags,
        settings=Settings(**{name: getattr(mix, name) for name in Settings.model_fields}),
        tracks=[show_item(item) for item in items],
    )


def show_item(item: MixTrack) -> MixItem:
    track = item.track
    return MixItem(
        id=item.pk,
        track=track.pk,
        title=track.title or track.name,
        artist=track.artist,
        state=track.state,
        duration_s=rounded(track.duration_s),
        cue_in_s=item.cue_in_s,
        cue_out_s=item.cue_out_s,
        gain_db=item.gain_db,
        unlisted=item.unlisted,
    )
