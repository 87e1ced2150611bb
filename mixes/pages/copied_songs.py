"""What becomes of the MP3 frames of each song of a mix, in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mixes.engine.timeline import Clip, Timeline

MINUS = "\u2212"


def songs_copied(timeline: Timeline) -> list[tuple[str, str]]:
    """Return the title of each song and what becomes of it; empty where no MP3 is made of MP3 songs."""
    clips = timeline.clips
    is_told = any(clip.is_copied or clip.encoded_because for clip in clips)
    return [(clip.title, copied_words(clip)) for clip in clips] if is_told else []


def count_in_words(timeline: Timeline) -> str:
    """Return how many songs pass through untouched; empty where nothing is told."""
    if not songs_copied(timeline):
        return ""
    copied, songs = sum(clip.is_copied for clip in timeline.clips), len(timeline.clips)
    words = ngettext(
        "%(copied)d of %(songs)d song passes through untouched",
        "%(copied)d of %(songs)d songs pass through untouched",
        songs,
    )
    return words % {"copied": copied, "songs": songs}


def copied_words(clip: Clip) -> str:
    """Return what becomes of a song's MP3 frames."""
    if not clip.is_copied:
        return _("encoded, because %s") % clip.encoded_because
    if not clip.gain_step:
        return _("copied")
    return _("copied, %s dB") % f"{clip.gain_db:+.1f}".replace("-", MINUS)
