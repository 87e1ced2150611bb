"""What users say about their tracks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mixes.engine.tags.tags import MAX_NUMBER
from mixes.engine.text import clean_text
from mixes.models import Track

MAX_LENGTH = 300  # characters, as of the names that are read from files


class CleanTextField(forms.CharField):
    """One line of text without what a reader cannot see."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_LENGTH, **options)

    def to_python(self, value: Any) -> str:
        return clean_text(super().to_python(value))


class TagsForm(forms.Form):
    """The names of a track, as they stand in the tracklist."""

    title = CleanTextField(label=_("Title"))
    artist = CleanTextField(label=_("Artist"), required=False)
    album = CleanTextField(label=_("Album"), required=False)
    track_number = forms.IntegerField(
        label=_("Number on the album"), required=False, min_value=1, max_value=MAX_NUMBER
    )

    @classmethod
    def of(cls, track: Track) -> "TagsForm":
        """Return the form as the track is now."""
        return cls(initial={name: getattr(track, name) for name in cls.base_fields}, prefix=prefix_of(track))


def prefix_of(track: Track) -> str:
    """Return what tells the fields of two forms on one page apart."""
    return f"t{track.pk.hex[:8]}"
