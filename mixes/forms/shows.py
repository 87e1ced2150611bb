"""Forms for a show: its numbers and names, and what its episodes are published with."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mixes.forms.mixes import MixSettingsForm, WordsForm
from mixes.forms.tracks import CleanTextField
from mixes.forms.video import VideoForm
from mixes.models import Show
from mixes.services.editing.arrangement import Arrangement
from mixes.services.shows import names, presets

HIGHEST_NUMBER = 99_999
PLAYLIST = re.compile(r"^(?:\S*[?&]list=)?([A-Za-z0-9_-]{1,64})(?:&\S*)?$")


class ShowForm(forms.Form):
    """Everything of a show that is no setting of a mix."""

    name = CleanTextField(max_length=100, label=gettext_lazy("Name of the show"))
    title_pattern = CleanTextField(
        max_length=names.TITLE_LENGTH,
        label=gettext_lazy("Title of each episode"),
        help_text=gettext_lazy(
            "Filled in: {show} {n} {date} {year}. You can change a title before it is made."
        ),
    )
    next_number = forms.IntegerField(
        min_value=1,
        max_value=HIGHEST_NUMBER,
        label=gettext_lazy("Number of the next episode"),
        help_text=gettext_lazy("An episode gets its number when it is first made, and keeps it."),
        show_hidden_initial=True,  # a page opened before the last episode was made does not turn it back
    )
    ends_unlisted = forms.BooleanField(
        required=False, label=gettext_lazy("Leave intro and outro out of the tracklist")
    )
    privacy = forms.ChoiceField(
        choices=[
            ("private", gettext_lazy("Private")),
            ("unlisted", gettext_lazy("Unlisted")),
            ("public", gettext_lazy("Public")),
        ],
        label=gettext_lazy("Who can see it"),
    )
    publish_hour = forms.TimeField(
        required=False,
        label=gettext_lazy("Becomes public at"),
        help_text=gettext_lazy("Only for private videos: the next time it is this hour where the site is."),
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
    )
    playlist = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("Playlist"),
        help_text=gettext_lazy("The address of a YouTube playlist of yours, or its id."),
    )
    tags = CleanTextField(
        required=False,
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Separated by commas. The episode's own tags follow them."),
    )

    description = forms.CharField(
        required=False,
        max_length=4_000,
        label=gettext_lazy("What it is about"),
        help_text=gettext_lazy("Podcast apps show this beside the name."),
        widget=forms.Textarea({"rows": 3, "form": "show-form"}),
    )
    explicit = forms.BooleanField(
        required=False,
        label=gettext_lazy("Has strong language"),
        widget=forms.CheckboxInput({"form": "show-form"}),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, show: Show) -> None:
        super().__init__(data, initial={name: getattr(show, name) for name in self.base_fields})
        self.show = show

    def clean_name(self) -> str:
        return names.clean_name(self.cleaned_data["name"])

    def clean_title_pattern(self) -> str:
        pattern: str = self.cleaned_data["title_pattern"]
        if unknown := names.unknown_names(pattern):
            there_are = ", ".join(f"{{{name}}}" for name in names.IN_TITLES)
            raise forms.ValidationError(_("There is no {%s}. There are %s.") % (unknown[0], there_are))
        return pattern

    def clean_next_number(self) -> int:
        number: int = self.cleaned_data["next_number"]
        taken = presets.taken_by(self.show, number) if "next_number" in self.changed_data else None
        if taken is not None:
            raise forms.ValidationError(
                _("%(number)d is the number of “%(title)s”. No two episodes have the same.")
                % {"number": number, "title": taken}
            )
        return number

    def clean_playlist(self) -> str:
        text = self.cleaned_data["playlist"].strip()
        found = PLAYLIST.match(text)
        if text and not found:
            raise forms.ValidationError(_("This is neither the address nor the id of a playlist."))
        return found[1] if found else ""

    def values(self) -> dict[str, Any]:
        """Return the columns to write; the number only where it was changed."""
        left_alone = set() if "next_number" in self.changed_data else {"next_number"}
        return {name: value for name, value in self.cleaned_data.items() if name not in left_alone}


def checked_forms(
    about: Mapping[str, Any], preset: Arrangement, show: Show
) -> tuple[ShowForm, WordsForm, MixSettingsForm, VideoForm]:
    """Return the forms of a show, bound to values that did not come from a page."""
    return (
        ShowForm(about, show=show),
        WordsForm(WordsForm.values_of(preset)),
        MixSettingsForm(MixSettingsForm.values_of(preset)),
        VideoForm(VideoForm.as_posted(preset.look)),
    )


def settings_in(words: WordsForm, sound: MixSettingsForm, video: VideoForm) -> dict[str, Any]:
    """Return the settings of a mix that valid forms hold."""
    return words.cleaned_data | sound.changes() | {"look": video.look()}


def first_fault(forms: Iterable[forms.Form]) -> str:
    """Return the first fault of bound forms as a sentence with its field, or ""."""
    for form in forms:
        for name, errors in form.errors.items():
            return f"{form[name].label}: {errors[0]}" if name in form.fields else str(errors[0])
    return ""
