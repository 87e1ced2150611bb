"""Filters for the pages of jobs."""

from django import template
from django.utils.translation import gettext as _

from mixes.services import wording

register = template.Library()


@register.filter
def chapter_clock(seconds: float) -> str:
    """Return a chapter's start as in the description: rounded down to a second."""
    return wording.clock(int(seconds))


@register.filter
def took(seconds: float) -> str:
    """Return a duration in words."""
    if seconds < 60:
        return _("%d s") % max(1, round(seconds))
    return _("%(minutes)d min %(seconds)d s") % {"minutes": seconds // 60, "seconds": seconds % 60}
