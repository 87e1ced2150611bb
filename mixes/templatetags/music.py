"""Filters for times, levels and joins."""

from django import template

from mixes.services import mix_lists, wording
from mixes.services.plans import PlannedJoin

register = template.Library()

register.filter("clock", wording.clock)
register.filter("loudness", wording.loudness)
register.filter("seconds", wording.seconds_words)
register.filter("job_words", mix_lists.job_words)


@register.filter
def style_name(style: str) -> wording.Words:
    """Return what a style of joins is called."""
    return wording.STYLES[style][0]


@register.filter
def style_line(style: str) -> wording.Words:
    """Return what a style of joins does, in one line."""
    return wording.STYLES[style][1]


@register.filter
def join_hint(join: PlannedJoin) -> wording.Words:
    """Return a word on why a planned join is as it is."""
    return wording.HINTS.get(join.hint) or wording.STYLE_HINTS.get(join.style, "")
