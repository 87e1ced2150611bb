"""Form for the details of a video: title, description, tags, privacy, schedule."""

from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mixes.services.limits import LimitReached
from youtube_integration.google.types import VideoDetails
from youtube_integration.models import YouTubePublication
from youtube_integration.services.thumbnails import read_thumbnail
from youtube_integration.services.video_rules import find_faults, read_tags

CATEGORIES = (
    ("10", _("Music")),
    ("24", _("Entertainment")),
    ("22", _("People & blogs")),
    ("1", _("Film & animation")),
    ("20", _("Gaming")),
    ("27", _("Education")),
    ("28", _("Science & technology")),
    ("26", _("How-to & style")),
    ("17", _("Sports")),
    ("19", _("Travel & events")),
    ("25", _("News & politics")),
    ("29", _("Non-profits & activism")),
    ("2", _("Cars & vehicles")),
    ("15", _("Pets & animals")),
    ("23", _("Comedy")),
)
PRIVACIES = (
    ("private", _("Private")),
    ("unlisted", _("Unlisted")),
    ("public", _("Public")),
)
LOCAL_TIME = "%Y-%m-%dT%H:%M"


class PublishForm(forms.Form):
    """The details of a YouTube video. Times are in the time zone that is active during validation."""

    title = forms.CharField(label=_("Title"))
    description = forms.CharField(
        required=False, strip=False, label=_("Description"), widget=forms.Textarea({"rows": 14})
    )
    tags = forms.CharField(required=False, label=_("Tags"), help_text=_("Separate them with commas."))
    category = forms.ChoiceField(choices=CATEGORIES, label=_("Category"))
    privacy = forms.ChoiceField(choices=PRIVACIES, label=_("Who can see it"))
    publish_at = forms.DateTimeField(
        required=False,
        label=_("Becomes public at"),
        input_formats=[LOCAL_TIME, f"{LOCAL_TIME}:%S"],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format=LOCAL_TIME),
        error_messages={"invalid": _("Enter a date and a time.")},
    )
    made_for_kids = forms.ChoiceField(
        choices=(("no", _("No")), ("yes", _("Yes"))),
        label=_("Is it made for kids?"),
        error_messages={"required": _("YouTube asks this about every video: choose Yes or No.")},
    )
    altered_content = forms.BooleanField(required=False)
    notify_subscribers = forms.BooleanField(required=False)
    playlist = forms.RegexField(r"^[A-Za-z0-9_-]{1,64}$", required=False, label=_("Playlist"))
    thumbnail = forms.FileField(required=False, label=_("Your own picture"))
    again = forms.BooleanField(required=False)

    def __init__(self, *args: Any, asks_again: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["again"].required = asks_again
        self.fields["again"].error_messages["required"] = _("Tick this to publish it once more.")

    def clean_description(self) -> str:
        """Return the text with LF line ends: browsers send CRLF, which would count as two characters."""
        text: str = self.cleaned_data["description"]
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def clean_tags(self) -> tuple[str, ...]:
        return read_tags(self.cleaned_data["tags"])

    def clean_thumbnail(self) -> bytes:
        """Return the picture re-encoded as JPEG, or empty bytes when there is none."""
        file = self.cleaned_data["thumbnail"]
        try:
            return read_thumbnail(file) if file else b""
        except LimitReached as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        reported = set(self.errors)
        for fault in find_faults(self.details(data)):
            if fault.field not in reported:
                self.add_error(fault.field, fault.text)
        return data

    def details(self, data: dict[str, Any] | None = None) -> VideoDetails:
        """Return the video's details; fields that do not validate keep their initial values."""
        data = self.cleaned_data if data is None else data
        return VideoDetails(
            title=data.get("title", ""),
            description=data.get("description", ""),
            tags=data.get("tags", ()),
            category=data.get("category", CATEGORIES[0][0]),
            privacy=data.get("privacy", YouTubePublication.Privacy.PRIVATE),
            made_for_kids=data.get("made_for_kids") == "yes",
            altered_content=data.get("altered_content", False),
            publish_at=data.get("publish_at"),
            notify_subscribers=data.get("notify_subscribers", False),
            playlist=data.get("playlist", ""),
        )


def initial_of(details: VideoDetails, *, is_new: bool) -> dict[str, Any]:
    """Return the form's initial values; for a new video "made for kids" is left for its owner to choose."""
    names = ("title", "description", "category", "privacy", "publish_at", "altered_content")
    same = {name: getattr(details, name) for name in (*names, "notify_subscribers", "playlist")}
    kids = {} if is_new else {"made_for_kids": "yes" if details.made_for_kids else "no"}
    return {**same, **kids, "tags": ", ".join(details.tags)}


def zone_of(name: str) -> ZoneInfo:
    """Return the browser's time zone, or the site's when the name is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(timezone.get_default_timezone_name())
