"""Template tag for the YouTube row on the account page of `accounts`."""

from typing import Any

from django import template
from django.conf import settings

from accounts.models import User
from youtube_integration.pages.channel_page import channel_page

register = template.Library()


@register.inclusion_tag("youtube/_account_row.html")
def youtube_account_row(user: User) -> dict[str, Any]:
    return {"channel": channel_page(user), "PUBLISHING": settings.PUBLISHING}
