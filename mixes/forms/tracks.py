"""Forms for tracks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mixes.engine.music.corrections import LONGEST_BAR, TEMPOS
from mixes.engine.tags.tags import MAX_NUMBER
from mixes.engine.text import clean_text
from mixes.models import Track
from mixes.services.wording import key_words

MAX_LENGTH = 300  # characters, the same limit as for names read from files


class CleanTextField(forms.CharField):
    """One line of text without invisible characters."""

    def __init__(self, max_length: int = MAX_LENGTH, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)

    def to_python(self, value: Any) -> str:
        return clean_text(super().to_python(value) or "")


class TagsForm(forms.Form):
    """Names of a track, as the tracklist shows them."""

    title = CleanTextField(label=_("Title"))
    artist = CleanTextField(label=_("Artist"), required=False)
    album = CleanTextField(label=_("Album"), required=False)
    track_number = forms.IntegerField(
        label=_("Number on the album"), required=False, min_value=1, max_value=MAX_NUMBER
    )

    @classmethod
    def of(cls, track: Track) -> "TagsForm":
        """Return the form filled with the track's names."""
        return cls(initial={name: getattr(track, name) for name in cls.base_fields}, prefix=prefix_of(track))


KEYS = [(key, key_words(key)) for key in range(24)]


class MusicForm(forms.Form):
    """Tempo, key and bars of a track as its owner sets them; an empty field keeps what is measured."""

    own_tempo = forms.FloatField(
        label=_("Beats a minute"), required=False, min_value=TEMPOS[0], max_value=TEMPOS[1]
    )
    own_key = forms.TypedChoiceField(
        label=_("Key"), required=False, coerce=int, empty_value=None, choices=[("", _("as measured")), *KEYS]
    )
    own_bar_shift = forms.TypedChoiceField(
        label=_("Bars begin"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[
            ("", _("as measured")),
            (0, _("as measured, and that is right")),
            *(
                (beats, _("%d beats later") % beats if beats > 1 else _("1 beat later"))
                for beats in range(1, LONGEST_BAR)
            ),
        ],
    )

    @classmethod
    def of(cls, track: Track) -> "MusicForm":
        """Return the form filled with what the owner set."""
        return cls(initial={name: getattr(track, name) for name in cls.base_fields})


def prefix_of(track: Track) -> str:
    """Return the prefix of a track's fields, so that two forms on one page do not clash."""
    return f"t{track.pk.hex[:8]}"
