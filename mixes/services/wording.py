"""Numbers and choices of the engine in words for pages."""

import re
from collections.abc import Mapping
from typing import TypeVar

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from mixes.engine.music.measured import camelot, key_name
from mixes.models import Track

Words = str | Promise
Target = TypeVar("Target")  # what a part of a sentence leads to

VERY_LOUD_LUFS, LOUD_LUFS, EVEN_LUFS, QUIET_LUFS = -8.0, -13.0, -18.0, -26.0

# Name and one-line description of each style
STYLES: dict[str, tuple[Words, Words]] = {
    "smooth": (
        pgettext_lazy("style", "smooth"),
        gettext_lazy("Endings and beginnings meet without a hole or a clash. Right for nearly everything."),
    ),
    "club": (
        pgettext_lazy("style", "club"),
        gettext_lazy("Beat on beat where both songs have a clear beat of like tempo, else smooth."),
    ),
    "radio": (
        pgettext_lazy("style", "radio"),
        gettext_lazy("The next song enters at full level while this one fades away under it."),
    ),
    "classic": (
        pgettext_lazy("style", "classic"),
        gettext_lazy("Straight fades, and both songs are a little duller while they cross."),
    ),
    "cut": (
        pgettext_lazy("style", "cut"),
        gettext_lazy("From one song to the next at once, without a click."),
    ),
    "gapless": (
        pgettext_lazy("style", "gapless"),
        gettext_lazy("Nothing is faded or trimmed: for songs that run into each other."),
    ),
    "gap": (pgettext_lazy("style", "pause"), gettext_lazy("A short silence between the songs.")),
}
NO_BEAT = gettext_lazy("no steady beat")
# Reason for a join, for its chip (pages/planned_tracks.py)
HINTS: dict[str, Words] = {
    "gapless": gettext_lazy("runs straight on"),
    "gap": gettext_lazy("of silence"),
    "cut": gettext_lazy("straight into the next"),
    "shortened": gettext_lazy("shortened to fit"),
    "fitted": gettext_lazy("fits both songs"),
    "parted": gettext_lazy("automatic again: what was set is for another pair"),
    "club": gettext_lazy("beat on beat"),
    "overlay": gettext_lazy("one over the other, without voices"),
    "left": gettext_lazy("left before its ending"),
    "meet": gettext_lazy("loud parts meet"),
    "fades_out": gettext_lazy("after its own fade-out"),
    "long_tail": gettext_lazy("over its long, quiet ending"),
    "held": gettext_lazy("after its held ending"),
    "full_stop": gettext_lazy("it stops at full level"),
    "rings_out": gettext_lazy("as it rings out"),
}
STYLE_HINTS: dict[str, Words] = {
    "smooth": gettext_lazy("both equally loud"),
    "club": gettext_lazy("beat on beat"),
    "radio": gettext_lazy("enters at full level"),
    "classic": gettext_lazy("straight fades"),
}


# The next attempt of a job that has been started before
RESTARTING: dict[int, Words] = {
    2: gettext_lazy("Restarting (2nd try)"),
    3: gettext_lazy("Restarting (3rd try)"),
}


def pieces_of(text: str, targets: Mapping[str, Target]) -> tuple[tuple[str, Target | None], ...]:
    """Return a sentence in pieces, each with what it leads to: `targets` by the words that name them."""
    names = sorted(targets, key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, names))})", text) if names else [text]
    return tuple((piece, targets.get(piece)) for piece in pieces if piece)


def remaining_words(eta_s: float | None) -> str:
    """Return a remaining time in words, rounded to what such an estimate can claim."""
    if eta_s is None:
        return ""
    if eta_s < 5:
        return _("a few seconds left")
    if eta_s < 90:
        return _("about %d s left") % (round(eta_s / 5) * 5)
    minutes = round(eta_s / 60)
    return ngettext("about %d minute left", "about %d minutes left", minutes) % minutes


def restarting(attempt: int) -> Words:
    """Return the sentence for a job that waits for its second or later attempt."""
    return RESTARTING.get(attempt) or _("Restarting (try %d)") % attempt


def today() -> str:
    """Return the site's current date in words."""
    return date_format(timezone.localdate(), "j F Y")


def clock(seconds: float | None) -> str:
    """Return M:SS, or H:MM:SS from an hour on; a dash for an unknown length."""
    if seconds is None:
        return "\u2013"
    whole = int(seconds + 0.5)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def loudness(lufs: float | None) -> str:
    """Return a loudness with its meaning: "-9 LUFS, loud"."""
    if lufs is None:
        return _("too short to measure")
    return f"{lufs:.0f} LUFS, {loudness_word(lufs)}".replace("-", "\u2212")


def loudness_word(lufs: float) -> str:
    if lufs > VERY_LOUD_LUFS:
        return _("very loud")
    if lufs > LOUD_LUFS:
        return _("loud")
    if lufs > EVEN_LUFS:
        return _("even")
    return _("quiet") if lufs > QUIET_LUFS else _("very quiet")


def long_words(seconds: float) -> str:
    """Return a limit such as "4 hours" or "90 minutes"."""
    minutes = round(seconds / 60)
    if minutes % 60 == 0:
        return ngettext("%d hour", "%d hours", minutes // 60) % (minutes // 60)
    return ngettext("%d minute", "%d minutes", minutes) % minutes


def seconds_words(seconds: float) -> str:
    """Return "8 s" or "2.5 s"."""
    return f"{round(seconds, 1):g} s"


def track_music(track: Track) -> str:
    """Return tempo and key of a track as its owner knows them, and what of it is set by them."""
    tempo, key = track.own_tempo or track.tempo, track.key if track.own_key is None else track.own_key
    if track.is_steady is None and tempo is None and key is None:
        return ""
    words = music_facts(tempo, key)
    by_hand = (track.own_tempo, track.own_key, track.own_bar_shift)
    return words if by_hand == (None, None, None) else f"{words} · {_('set by you')}"


def music_facts(tempo: float | None, key: int | None) -> str:
    """Return tempo and key in words, such as "124 BPM · 8A"; a song without a steady beat has no tempo."""
    beat = _("%d BPM") % round(tempo) if tempo else str(NO_BEAT)
    return beat if key is None else f"{beat} · {camelot(key)}"


def key_words(key: int) -> str:
    """Return a key with its name and its place on the Camelot wheel, such as "A minor (8A)"."""
    return f"{key_name(key)} ({camelot(key)})"
