"""The form of a listen link."""

from django import forms
from django.utils.translation import gettext_lazy as _


class ShareForm(forms.Form):
    """How long a link lasts, and whether the file may be downloaded."""

    days = forms.TypedChoiceField(
        coerce=int,
        choices=[
            ("7", _("7 days")),
            ("30", _("30 days")),
            ("365", _("a year")),
            ("0", _("until I end it")),
        ],
        initial="30",
        label=_("It lasts"),
    )
    may_download = forms.BooleanField(required=False, label=_("Listeners may download the file"))
