"""Filters for times, levels and joins."""

import json
from collections.abc import Iterable
from typing import Any

from django import template
from django.forms.utils import flatatt
from django.templatetags.static import static
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from mixes.pages import mix_list
from mixes.pages.planned_tracks import PlannedJoin
from mixes.services import wording
from mixes.services.library import pickers

register = template.Library()

register.filter("clock", wording.clock)
register.filter("loudness", wording.loudness)
register.filter("seconds", wording.seconds_words)
register.filter("long_words", wording.long_words)
register.filter("track_music", wording.track_music)
register.filter("key_words", wording.key_words)
register.filter("job_words", mix_list.job_words)


ICONS = (
    "play",
    "drag",
    "top",
    "up",
    "down",
    "bottom",
    "more",
    "pencil",
    "download",
    "refresh",
    "close",
    "join",
    "check",
    "list",
    "headphones",
    "repeat",
    "plus",
    "minus",
    "skip-back",
    "skip-forward",
)


@register.filter
def linked(pieces: Iterable[tuple[str, dict[str, Any] | None]]) -> SafeString:
    """Return a sentence of pieces; those with attributes are links."""
    parts = [
        format_html("<a{}>{}</a>", flatatt(link), text) if link else conditional_escape(text)
        for text, link in pieces
    ]
    return mark_safe("".join(parts))


@register.simple_tag
def icons() -> dict[str, SafeString]:
    """Return icons as HTML by name, built once per page for hundreds of rows."""
    sprite = static("img/icons.svg")
    svg = '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>'
    return {name.replace("-", "_"): format_html(svg, sprite, name) for name in ICONS}


@register.simple_tag
def suffixes() -> dict[str, str]:
    """Return the suffixes of files by what they are taken for, each kind as `accept` lists them."""
    return pickers.SUFFIXES


@register.filter
def json_data(value: Any) -> SafeString:
    """Return plain types as JSON that is safe inside a script element."""
    text = json.dumps(value, separators=(",", ":"))
    return mark_safe(text.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026"))


@register.filter
def style_name(style: str) -> str:
    """Return the name of a join style."""
    return str(wording.STYLES[style][0])


@register.filter
def style_line(style: str) -> str:
    """Return the one-line description of a join style."""
    return str(wording.STYLES[style][1])


@register.filter
def join_hint(join: PlannedJoin) -> str:
    """Return the hint for the reason of a planned join."""
    return str(wording.HINTS.get(join.hint) or wording.STYLE_HINTS.get(join.style, ""))
