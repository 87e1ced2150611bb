"""Forms for what a video shows: its picture, the words on it, and its size."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mixes.engine.pictures.look import CARD_TIMES_S, VideoLook
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.forms.mixes import SIZE_WORDS
from mixes.models import Mix
from mixes.services.editing.arrangement import Arrangement

PLACES = (
    ("bottom-left", _("below, left")),
    ("bottom", _("below, centred")),
    ("middle", _("in the middle")),
    ("top-left", _("above, left")),
    ("top", _("above, centred")),
)
TITLES = (
    ("drawn", _("only on a drawn picture")),
    ("always", _("always")),
    ("never", _("never")),
)
TITLE_SIZES = (("small", _("small")), ("normal", _("normal")), ("large", _("large")))
PERCENT = 100


def percent_of(share: Any) -> Any:
    """Return a share in percent; what is no finite number, as it is."""
    return round(PERCENT * share) if isinstance(share, float) and math.isfinite(share) else share


class PercentField(forms.IntegerField):
    """A share from 0 to 1, written in percent."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=PERCENT, **options)

    def prepare_value(self, value: Any) -> Any:
        return percent_of(value)


class VideoForm(forms.Form):
    """The look of a video, as `VideoLook` has it."""

    fill = forms.TypedChoiceField(
        coerce=lambda value: value == "fill",
        choices=[("whole", _("the whole picture")), ("fill", _("fills the frame"))],
        label=_("Picture in the frame"),
    )
    focus_x = PercentField(label=_("Focus, % from the left"))
    focus_y = PercentField(label=_("Focus, % from above"))
    title = forms.ChoiceField(choices=TITLES, label=_("Title on the picture"))
    title_place = forms.ChoiceField(choices=PLACES, label=_("Place of the title"))
    title_size = forms.ChoiceField(choices=TITLE_SIZES, label=_("Size of words"))
    card_place = forms.ChoiceField(choices=PLACES, label=_("Place of songs' names"))
    card_artist = forms.BooleanField(required=False, label=_("Songs' names with their artists"))
    card_s = forms.FloatField(
        required=False,
        min_value=CARD_TIMES_S[0],
        max_value=CARD_TIMES_S[1],
        label=_("Seconds that a song's name is shown"),
        help_text=_("Empty: as long as the song."),
    )
    prefix = "look"

    @classmethod
    def values_of(cls, mix: Mix | Arrangement) -> dict[str, Any]:
        """Return the form's values for a mix."""
        values = asdict(VideoLook(**mix.look))
        return {**values, "fill": "fill" if values["fill"] else "whole"}

    @classmethod
    def as_posted(cls, look: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a browser would send for values that need not be valid."""
        values = asdict(VideoLook()) | {
            name: value for name, value in look.items() if name in cls.base_fields
        }
        shares = {name: percent_of(values[name]) for name in ("focus_x", "focus_y")}
        values |= {"fill": "fill" if values["fill"] is True else "whole", **shares}
        return {f"{cls.prefix}-{name}": value for name, value in values.items()}

    def look(self) -> dict[str, Any]:
        """Return the look as a mix stores it."""
        data = {name: self.cleaned_data[name] for name in VideoForm.base_fields}
        focus = {name: data[name] / PERCENT for name in ("focus_x", "focus_y")}
        return VideoLook(**{**data, **focus}).to_json()


class WatchForm(VideoForm):
    """The look of a mix's video, whether there is one, and its size."""

    make_mp4 = forms.BooleanField(required=False, label=_("Make a video"))
    video_size = forms.ChoiceField(
        choices=[(f"{w}x{h}", SIZE_WORDS[f"{w}x{h}"]) for w, h in VIDEO_SIZES], label=_("Shape and size")
    )
    title_cards = forms.BooleanField(
        required=False, label=_("Show each song's name in the video when it begins")
    )

    def __init__(self, data: Any = None, *, mix: Mix) -> None:
        super().__init__(data, initial=self.values_of(mix))
        self.mix = mix

    @classmethod
    def values_of(cls, mix: Mix | Arrangement) -> dict[str, Any]:
        """Return the form's values for a mix."""
        columns = {name: getattr(mix, name) for name in ("make_mp4", "video_size", "title_cards")}
        return super().values_of(mix) | columns

    def clean_make_mp4(self) -> bool:
        is_wanted: bool = self.cleaned_data["make_mp4"]
        if not is_wanted and not self.mix.make_mp3:
            raise forms.ValidationError(
                _("Without it there is nothing to make: choose MP3 in “Sound and files” first.")
            )
        return is_wanted

    def changes(self) -> dict[str, Any]:
        """Return columns of `Mix` with their values."""
        columns = {name: self.cleaned_data[name] for name in ("make_mp4", "video_size", "title_cards")}
        return columns | {"look": self.look()}
