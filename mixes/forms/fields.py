"""Fields for times and lengths."""

from typing import Any

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from mixes.engine.mixing.settings import LONGEST_TRANSITION_S
from mixes.engine.timestamps import format_clock, parse_clock


class LengthChoice(TextChoices):
    """Source of a transition's length."""

    MIX = "mix", _("As the mix")
    AUTO = "auto", _("Chosen to suit each pair")
    SET = "set", _("Always")


class SecondsField(forms.FloatField):
    """Seconds of a transition; the slider beside it has steps of half a second."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0.0, max_value=LONGEST_TRANSITION_S, step_size=None, **options)
        self.widget.attrs |= {"step": "0.1", "inputmode": "decimal"}


class ClockField(forms.Field):
    """A time as M:SS.CC or in seconds; its value is in seconds, None where nothing is written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.TextInput({"autocomplete": "off", "size": "8"}), **options)

    def to_python(self, value: Any) -> float | None:
        if value in self.empty_values:
            return None
        try:
            return parse_clock(str(value))
        except ValueError as error:
            raise forms.ValidationError(
                _("Write a time as minutes and seconds, such as 1:23.45, or in seconds.")
            ) from error

    def prepare_value(self, value: Any) -> Any:
        return format_clock(value).removesuffix(".00") if isinstance(value, float) else value
