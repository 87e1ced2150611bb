"""Forms for the settings of a mix and for its look."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from mixes.engine.codecs.mp3 import BITRATES
from mixes.engine.mixing.settings import LONGEST_FADE_S, PLAY_TIMES_S, TARGETS_LUFS
from mixes.engine.pictures.pictures import VIDEO_SIZES
from mixes.forms.fields import ClockField, LengthChoice, SecondsField
from mixes.models import Mix
from mixes.services.editing.arrangement import Arrangement
from mixes.services.wording import STYLES

STYLE_CHOICES = [(style, words[0]) for style, words in STYLES.items()]
SIZE_WORDS = {
    "1920x1080": _("1920 x 1080, as most videos"),
    "1280x720": _("1280 x 720, a smaller file"),
    "3840x2160": _("3840 x 2160, 4K"),
    "1080x1920": _("1080 x 1920, upright for phones"),
    "1080x1080": _("1080 x 1080, square"),
}
NAMED_LUFS = {"even": -14.0, "loud": -10.0, "untouched": None}


class MixSettingsForm(forms.Form):
    """Sound and outputs of a mix."""

    style = forms.ChoiceField(choices=STYLE_CHOICES, label=_("Joins"))
    length = forms.ChoiceField(choices=LengthChoice.choices[1:], label=_("Length of joins"))
    transition_s = SecondsField(required=False, label=_("Seconds"))
    loudness = forms.ChoiceField(choices=[(name, name) for name in (*NAMED_LUFS, "own")], label=_("Loudness"))
    target_lufs = forms.FloatField(
        required=False, min_value=TARGETS_LUFS[0], max_value=TARGETS_LUFS[1], label=_("Loudness in LUFS")
    )
    album_dynamics = forms.BooleanField(
        required=False,
        label=_("Keep quiet songs quieter than loud ones"),
        help_text=_("One change of level for all songs, as on an album."),
    )
    even_joins = forms.BooleanField(
        required=False,
        label=_("Even joins"),
        help_text=_("Levels songs by how loud they begin and end, too."),
    )
    skip_quiet_intros = forms.BooleanField(
        required=False,
        label=_("Skip long, quiet beginnings"),
        help_text=_("Songs after the first start a second before they become loud."),
    )
    shorten_silences = forms.BooleanField(
        required=False,
        label=_("Shorten long silences inside songs"),
        help_text=_("Of five seconds or more, such as before a hidden track; two seconds are left."),
    )
    gap_s = SecondsField(label=_("Length of pauses, in seconds"))
    max_play_s = ClockField(
        required=False,
        label=_("Longest time of each song"),
        help_text=_("Such as 2:30. Empty: songs play whole."),
    )
    fade_in_s = forms.FloatField(
        required=False,
        min_value=0.0,
        max_value=LONGEST_FADE_S,
        label=_("Fade in the whole mix, in seconds"),
    )
    fade_out_s = forms.FloatField(
        required=False,
        min_value=0.0,
        max_value=LONGEST_FADE_S,
        label=_("Fade out the whole mix, in seconds"),
    )
    soften = forms.BooleanField(
        required=False,
        label=_("Soften joins"),
        help_text=_("Takes away some highs in the middle of each join."),
    )
    trim = forms.BooleanField(
        required=False,
        label=_("Leave out silence around songs"),
        help_text=_("Without it every file plays from its first to its last sample."),
    )
    make_mp3 = forms.BooleanField(required=False, label=_("MP3, with chapters and a CUE sheet"))
    make_mp4 = forms.BooleanField(required=False, label=_("MP4 video, for YouTube"))
    bitrate_kbps = forms.TypedChoiceField(
        coerce=int,
        choices=[(k, f"{k} kbit/s") for k in sorted(BITRATES, reverse=True)],
        label=_("MP3 quality"),
    )
    copy_mp3 = forms.BooleanField(
        required=False,
        label=_("Copy MP3 songs where possible"),
        help_text=_(
            "Only joins and high peaks are encoded: faster, and the songs lose nothing. "
            "Levels change in steps of 1.5 dB. Without it everything is encoded."
        ),
    )
    video_size = forms.ChoiceField(
        choices=[(f"{w}x{h}", SIZE_WORDS[f"{w}x{h}"]) for w, h in VIDEO_SIZES], label=_("Video size")
    )
    title_cards = forms.BooleanField(
        required=False, label=_("Show each song's name in the video when it begins")
    )

    @staticmethod
    def values_of(mix: Mix | Arrangement) -> dict[str, Any]:
        """Return the form's values for a mix."""
        named = next((name for name, lufs in NAMED_LUFS.items() if lufs == mix.target_lufs), "own")
        values = {name: getattr(mix, name, None) for name in MixSettingsForm.base_fields}
        length = LengthChoice.AUTO if mix.transition_s is None else LengthChoice.SET
        return {**values, "length": length, "loudness": named}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("length") == LengthChoice.SET and data.get("transition_s") is None:
            self._ask_for("transition_s")
        if data.get("loudness") == "own" and data.get("target_lufs") is None:
            self._ask_for("target_lufs")
        if not data.get("make_mp3") and not data.get("make_mp4"):
            self.add_error("make_mp3", _("Choose MP3, MP4 or both: otherwise there is nothing to make."))
        return data

    def clean_max_play_s(self) -> float | None:
        longest_s: float | None = self.cleaned_data["max_play_s"]
        if longest_s is not None and not PLAY_TIMES_S[0] <= longest_s <= PLAY_TIMES_S[1]:
            raise forms.ValidationError(_("Choose a time between 0:10 and 60:00."))
        return longest_s

    def changes(self) -> dict[str, Any]:
        """Return the changed columns of `Mix` with their values."""
        changes = {
            name: value for name, value in self.cleaned_data.items() if name not in ("length", "loudness")
        }
        changes |= {name: changes[name] or 0.0 for name in ("fade_in_s", "fade_out_s")}
        if self.cleaned_data["length"] == LengthChoice.AUTO:
            changes["transition_s"] = None
        if self.cleaned_data["loudness"] != "own":
            changes["target_lufs"] = NAMED_LUFS[self.cleaned_data["loudness"]]
        return changes

    def _ask_for(self, name: str) -> None:
        if name not in self.errors:
            self.add_error(name, _("Type a number."))


class WordsForm(forms.Form):
    """Artist and description of a mix."""

    artist = forms.CharField(max_length=200, required=False, label=_("Made by"))
    description_template = forms.CharField(
        max_length=20_000, required=False, label=_("Description"), widget=forms.Textarea({"rows": 10})
    )
    hashtags = forms.CharField(max_length=500, required=False, label=_("Hashtags"))

    @classmethod
    def values_of(cls, mix: Mix | Arrangement) -> dict[str, Any]:
        """Return the form's values for a mix."""
        return {name: getattr(mix, name) for name in cls.base_fields}


class LookForm(WordsForm):
    """Title, artist and description of a mix."""

    title = forms.CharField(max_length=200, label=_("Title"))
    field_order = ("title",)
