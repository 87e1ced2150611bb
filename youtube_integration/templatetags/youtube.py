"""Template tags for publishing panels, and filters that count as YouTube does."""

from typing import Any

from django import template
from django.conf import settings

from accounts.models import User
from mixes.models import Mix, MixJob
from youtube_integration.pages import result_panel
from youtube_integration.services.video_rules import count_tags, read_tags

register = template.Library()


@register.filter
def characters(text: str | None) -> int:
    return len(text or "")


@register.filter
def utf8_bytes(text: str | None) -> int:
    """Return the size of a text in bytes, with the line ends that are sent."""
    return len((text or "").replace("\r\n", "\n").encode())


@register.filter
def tag_characters(text: str | None) -> int:
    """Return the number of characters that YouTube counts in a line of tags."""
    return count_tags(read_tags(text or ""))


@register.inclusion_tag("youtube/_panel.html", takes_context=True)
def publish_panel(context: dict[str, Any], job: MixJob, *, has_video: bool) -> dict[str, Any]:
    """Render the publishing panel of a result."""
    panel = result_panel.result_panel(context["user"], job, has_video=has_video)
    return {"job": job, "panel": panel}


@register.inclusion_tag("youtube/_make_button.html", takes_context=True)
def make_and_publish_button(
    context: dict[str, Any], mix: Mix, *, is_ready: bool, left_out: int
) -> dict[str, Any]:
    """Render the button that makes a mix with a video and publishes it, if publishing is set up."""
    user: User = context["user"]
    is_offered = settings.PUBLISHING and user.is_authenticated
    return {"mix": mix, "is_ready": is_ready, "left_out": left_out, "is_offered": is_offered}
