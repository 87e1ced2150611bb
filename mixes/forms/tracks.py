"""Forms for tracks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mixes.engine.tags.tags import MAX_NUMBER
from mixes.engine.text import clean_text
from mixes.models import Track

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


def prefix_of(track: Track) -> str:
    """Return the prefix of a track's fields, so that two forms on one page do not clash."""
    return f"t{track.pk.hex[:8]}"
