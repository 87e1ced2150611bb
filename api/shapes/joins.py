"""Joins: where two songs of a mix meet, as planned and as set by hand."""

from typing import Annotated, Literal
from uuid import UUID

from ninja import Field

from api.shapes.common import Answer, Shape, Text, missing, one_of
from mixes.engine.timeline import Timeline
from mixes.models import MixTrack
from mixes.services.editing.engine_settings import join_settings
from mixes.services.editing.join_values import FIELDS, length_choice, planned_values

Number = Annotated[float, Field(ge=-100_000, le=100_000)]


class JoinOut(Answer):
    """The join after the use `id` into the use `into`. Times of a song are seconds of its file."""

    id: UUID
    into: UUID
    style: str = Field(description="of the plan")
    starts_at_s: float = Field(description="in the mix")
    ends_at: float = Field(description="where the first song ends")
    begins_at: float = Field(description="where the second song begins")
    overlap: float = Field(description="seconds that both sound, or of the pause")
    gain_a: float = Field(description="dB, of the first song")
    gain_b: float = Field(description="dB, of the second song")
    by_hand: dict[str, float] = Field(description="those of the five values that were set")
    length: Annotated[str, one_of("mix", "auto", "set")]
    play_to_end: bool


class JoinIn(Shape):
    """What to set for a join; null sets a value back to the chosen one, and what is missing stays."""

    style: Text = missing()
    length: Literal["mix", "auto", "set"] = missing()
    ends_at: Number | None = missing()
    begins_at: Number | None = missing()
    overlap: Number | None = missing()
    gain_a: Number | None = missing()
    gain_b: Number | None = missing()
    play_to_end: bool = missing()


def show_joins(timeline: Timeline, used: list[MixTrack]) -> list[JoinOut]:
    """Return the joins of a plan; `used` are its items."""
    return [show_join(timeline, used, place) for place in range(len(used) - 1)]


def show_join(timeline: Timeline, used: list[MixTrack], place: int) -> JoinOut:
    before, after = used[place : place + 2]
    join = join_settings(before, after)
    overlap_s = None if join.transition_s == "auto" else join.transition_s
    stored = (before.cue_out_s, after.cue_in_s, overlap_s, before.gain_db, after.gain_db)
    return JoinOut(
        id=before.pk,
        into=after.pk,
        style=timeline.transitions[place].style,
        starts_at_s=round(timeline.clips[place + 1].start / timeline.rate, 3),
        **{name: round(value, 3) for name, value in planned_values(timeline, place).items()},
        by_hand={name: value for name, value in zip(FIELDS, stored, strict=True) if value is not None},
        length=length_choice(join),
        play_to_end=join.play_to_end,
    )
