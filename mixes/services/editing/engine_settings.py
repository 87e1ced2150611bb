"""Turn the rows of a mix into the engine's settings."""

from collections.abc import Sequence
from itertools import pairwise

from django.conf import settings

from mixes.engine.errors import EngineError
from mixes.engine.mixing.settings import JoinSettings, Length, MixSettings, Use
from mixes.engine.processes import ffmpeg
from mixes.models import Mix, MixTrack

SELDOM_USED = ("track__waveform", "track__copies")
Settings = tuple[MixSettings, tuple[JoinSettings, ...], tuple[Use, ...]]


def items_of(mix: Mix) -> list[MixTrack]:
    """Return a mix's items in order, each with its track, without what is long and rarely used of it."""
    items = MixTrack.objects.filter(mix=mix).select_related("track").defer(*SELDOM_USED)
    return list(items.order_by("position"))


def settings_of(mix: Mix, items: Sequence[MixTrack]) -> Settings:
    """Return the settings of a mix made of `items`: of the whole, of each join between two, of each use."""
    of_mix = MixSettings(
        style=mix.style,
        transition_s="auto" if mix.transition_s is None else mix.transition_s,
        gap_s=mix.gap_s,
        soften=mix.soften,
        trim=mix.trim,
        target_lufs=mix.target_lufs,
        album_dynamics=mix.album_dynamics,
        even_joins=mix.even_joins,
        skip_quiet_intros=mix.skip_quiet_intros,
        shorten_silences=mix.shorten_silences,
        max_play_s=mix.max_play_s,
        fade_in_s=mix.fade_in_s,
        fade_out_s=mix.fade_out_s,
        can_stretch=not wants_club(mix, items) or can_stretch(),
        copy_into_kbps=mix.bitrate_kbps if mix.copy_mp3 and mix.make_mp3 else None,
    )
    joins = tuple(join_settings(before, after) for before, after in pairwise(items))
    uses = tuple(Use(item.cue_in_s, item.cue_out_s, item.gain_db, item.unlisted) for item in items)
    return of_mix, joins, uses


def wants_club(mix: Mix, items: Sequence[MixTrack]) -> bool:
    """Tell whether any join of a mix may be beat on beat."""
    return mix.style == "club" or any(item.join_style == "club" for item in items)


def can_stretch() -> bool:
    """Tell whether the configured ffmpeg can change a tempo; without a usable one it cannot."""
    try:
        return ffmpeg.can_stretch(ffmpeg.find_ffmpeg(settings.FFMPEG))
    except EngineError:  # the system check says what is wrong with it
        return False


def join_settings(before: MixTrack, after: MixTrack) -> JoinSettings:
    """Return what is set for the join of two items; style and length only if set for this pair."""
    if not before.is_joined_by_hand_with(after):
        return JoinSettings(play_to_end=before.play_to_end)
    length: Length | None = "auto" if before.join_auto else before.join_s
    return JoinSettings(before.join_style or None, length, before.play_to_end)
