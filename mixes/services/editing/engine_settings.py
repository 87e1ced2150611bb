"""Turn the rows of a mix into the engine's settings."""

from collections.abc import Sequence

from mixes.engine.mixing.settings import JoinSettings, MixSettings
from mixes.models import Mix, MixTrack


def items_of(mix: Mix) -> list[MixTrack]:
    """Return a mix's items in order, each with its track."""
    return list(MixTrack.objects.filter(mix=mix).select_related("track").order_by("position"))


def settings_of(mix: Mix, items: Sequence[MixTrack]) -> tuple[MixSettings, tuple[JoinSettings, ...]]:
    """Return the settings of a mix made of `items`: one for the whole, and one per join between two items."""
    settings = MixSettings(
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
    )
    joins = (
        JoinSettings(item.join_style or None, "auto" if item.join_auto else item.join_s, item.play_to_end)
        for item in items[:-1]
    )
    return settings, tuple(joins)
