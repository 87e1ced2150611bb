"""The form of one join: where both songs meet, for how long, how loud each is, and in which style."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mixes.engine.mixing.settings import Length
from mixes.engine.timestamps import format_clock, parse_clock
from mixes.forms.fields import ClockField, LengthChoice
from mixes.services.editing.arrangement import JoinChange
from mixes.services.editing.join_values import FIELDS, OVERLAPPING, JoinValues, limits_of
from mixes.services.wording import STYLES

STYLE_CHOICES = [(style, words[0]) for style, words in STYLES.items()]
CLOCKS = ("ends_at", "begins_at")
NUDGES = ("-0.1", "-0.01", "+0.01", "+0.1")  # seconds
TOLERANCE = 0.005  # values are typed and shown in hundredths


class NumberField(forms.FloatField):
    """A number in hundredths; its limits depend on the other fields."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, **options)
        self.widget.attrs |= {"step": "any", "inputmode": "decimal", "autocomplete": "off"}


class JoinForm(forms.Form):
    """Values of one join; an empty one is automatic. `values` are those the join has now."""

    ends_at = ClockField(required=False, label=_("A ends at"))
    begins_at = ClockField(required=False, label=_("B begins at"))
    length = forms.ChoiceField(required=False, choices=LengthChoice.choices)
    overlap = NumberField(label=_("Overlap"))
    gain_a = NumberField(label=_("Level of A in dB"))
    gain_b = NumberField(label=_("Level of B in dB"))
    style = forms.ChoiceField(
        required=False, choices=[("", _("As the mix")), *STYLE_CHOICES], label=_("Style")
    )
    play_to_end = forms.BooleanField(
        required=False,
        label=_("Play this song to the very end"),
        help_text=_("Keeps a quiet tail that would lie under the next song."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, values: JoinValues) -> None:
        shown = {name: show_value(name, value) for name, value in values.by_hand.items()}
        settings = {"length": values.length, "style": values.style, "play_to_end": values.play_to_end}
        super().__init__(None if data is None else dict(data.items()), initial={**shown, **settings})
        self.values = values
        for name, value in values.automatic.items():
            self.fields[name].widget.attrs["placeholder"] = show_value(name, value)
        if data is not None:
            self.press(data)

    def numbers(self) -> list[forms.BoundField]:
        """Return the fields that may be empty, in their order on the page."""
        hidden = ("overlap",) if self.values.room.style not in (*OVERLAPPING, "gap") else ()
        return [self[name] for name in FIELDS if name not in hidden]

    def lengths(self) -> list[tuple[str, Any]]:
        """Return where the overlap may come from, with words."""
        return [
            (LengthChoice.MIX, _("As the mix")),
            (LengthChoice.AUTO, _("What the pair asks for")),
            (LengthChoice.SET, _("Mine")),
        ]

    @property
    def nudges(self) -> tuple[str, ...]:
        return NUDGES

    def press(self, data: Mapping[str, Any]) -> None:
        """Write into the fields what a pressed button asks for: `nudge` and `auto` name a field."""
        if (name := data.get("auto")) in FIELDS:
            self.data = {**self.data, name: "", **({"length": "mix"} if name == "overlap" else {})}
        name, _colon, step = data.get("nudge", "").partition(":")
        if name in FIELDS and step in NUDGES:
            now = parse_value(data.get(name, ""))
            now = self.values.planned[name] if now is None else now
            self.data = {**self.data, name: show_value(name, max(0.0, now + float(step)))}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in FIELDS:
            if name not in self.data:
                data[name] = self.values.by_hand.get(name)
            elif data.get(name) is not None:
                data[name] = round(data[name], 2)
        if not self.errors:
            self.choose_length(data)
            self.check_limits(data)
        return data

    def choose_length(self, data: dict[str, Any]) -> None:
        """Let a menu that was changed decide on the length, else the number."""
        stored, overlap = self.values.length, data["overlap"]
        menu = data["length"] or stored
        if menu == stored and overlap is not None:
            menu = LengthChoice.SET
        elif menu == stored == LengthChoice.SET:
            menu = LengthChoice.MIX
        elif menu == LengthChoice.SET and overlap is None:
            overlap = round(self.values.planned["overlap"], 2)
        is_pause, was_pause = self.chosen_style(data) == "gap", self.values.room.style == "gap"
        if is_pause != was_pause and overlap == self.values.by_hand.get("overlap"):
            menu = LengthChoice.MIX  # how long songs play together says nothing about a pause
        data["length"], data["overlap"] = menu, overlap if menu == LengthChoice.SET else None

    def chosen_style(self, data: Mapping[str, Any]) -> str:
        """Return the style of the join; what is set for neither join nor mix stays as planned."""
        if data["style"] == self.values.style:
            return self.values.room.style
        return data["style"] or self.values.mix_style

    def check_limits(self, data: dict[str, Any]) -> None:
        """Refuse a changed value beyond what its song or join allows."""
        planned = self.values.planned
        ends_at, begins_at = (planned[name] if data[name] is None else data[name] for name in CLOCKS)
        room = replace(self.values.room, style=self.chosen_style(data))
        limits = limits_of(room, ends_at, begins_at, data["overlap"] or 0.0)
        for name in FIELDS:
            value, limit = data[name], limits[name]
            if value is None or value == self.values.by_hand.get(name):
                continue
            if value < limit.least - TOLERANCE:
                self.add_error(name, f"{limit.least_words} {self.kept(name)}")
            elif value > limit.most + TOLERANCE:
                self.add_error(name, f"{limit.most_words} {self.kept(name)}")

    def kept(self, name: str) -> str:
        """Return in a sentence which value the join keeps."""
        by_hand = self.values.by_hand.get(name)
        if by_hand is None:
            return gettext("It stays automatic, at %s.") % show_value(name, self.values.planned[name])
        return gettext("It stays at %s.") % show_value(name, by_hand)

    def uses(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the columns of the first and of the second song that the form holds."""
        data = self.cleaned_data
        return (
            {"cue_out_s": data["ends_at"], "gain_db": data["gain_a"]},
            {"cue_in_s": data["begins_at"], "gain_db": data["gain_b"]},
        )

    def changed_values(self) -> list[str]:
        """Return the names of the values that differ from what is set."""
        data, values = self.cleaned_data, self.values
        changed = [name for name in FIELDS if data[name] != values.by_hand.get(name)]
        settings = ["style", "play_to_end"] if "overlap" in changed else ["length", "style", "play_to_end"]
        return changed + [name for name in settings if data[name] != getattr(values, name)]

    def change(self) -> JoinChange:
        """Return what the form sets for the join."""
        before, after = self.uses()
        return JoinChange(
            self.cleaned_data["style"],
            self.transition_s(),
            play_to_end=self.cleaned_data["play_to_end"],
            before=before,
            after=after,
        )

    def transition_s(self) -> Length | None:
        """Return the length as the arrangement stores it."""
        if self.cleaned_data["length"] == LengthChoice.SET:
            seconds: float = self.cleaned_data["overlap"]
            return seconds
        return "auto" if self.cleaned_data["length"] == LengthChoice.AUTO else None


def show_value(name: str, value: float) -> str:
    """Return a value as the form shows it."""
    if name in CLOCKS:
        return format_clock(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")


def parse_value(text: str) -> float | None:
    """Return a typed value, None where it is empty or no number."""
    try:
        return parse_clock(text)
    except ValueError:
        return None
