"""Forms of the account's pages for programs."""

from django import forms
from django.utils.translation import gettext_lazy as _

SCOPES = (
    ("read", _("Read: songs, mixes, jobs and their files")),
    ("write", _("Write: add songs, change and make mixes, delete")),
    ("publish", _("Publish to your channel")),
)
DAYS = (("30", _("30 days")), ("365", _("a year")), ("0", _("until it is deleted")))


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(
        label=_("What is it for?"),
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": _("Such as: script on the NAS")}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What may it do?"),
        choices=SCOPES,
        widget=forms.CheckboxSelectMultiple,
        initial=["read", "write"],
    )
    days = forms.TypedChoiceField(
        label=_("How long does it work?"),
        choices=DAYS,
        coerce=int,
        initial="365",
    )


EVENTS = (
    ("job.done", _("A mix is made")),
    ("job.failed", _("A mix could not be made")),
    ("publication.live", _("A video is on YouTube")),
    ("track.refused", _("A song cannot be used")),
)


class WebhookForm(forms.Form):
    """A new webhook."""

    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.URLInput(
            attrs={"autocomplete": "off", "placeholder": "https://nas.example.org/mixtape"}
        ),
    )
    events = forms.MultipleChoiceField(
        label=_("Which events are sent?"),
        choices=EVENTS,
        widget=forms.CheckboxSelectMultiple,
        initial=["job.done", "job.failed"],
    )
