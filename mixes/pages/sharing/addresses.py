"""Whole addresses of a listen link, and what to paste into the page of another site."""

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from mixes.models import ShareLink

EMBED_SIZE = (640, 360)  # pixels, at most


def share_url(link: ShareLink) -> str:
    """Return the address of the page."""
    return _whole("listen", link)


def embed_url(link: ShareLink) -> str:
    """Return the address of the player for other sites."""
    return _whole("listen_embed", link)


def picture_url(link: ShareLink) -> str:
    return _whole("listen_picture", link)


def oembed_url() -> str:
    return settings.SITE_URL + reverse("mixes:oembed")


def embed_code(link: ShareLink, title: str, size: tuple[int, int] = EMBED_SIZE) -> SafeString:
    """Return the frame that shows the player on another site."""
    return format_html(
        '<iframe src="{}" width="{}" height="{}" title="{}" loading="lazy"'
        ' style="border:0;max-width:100%"></iframe>',
        embed_url(link),
        *size,
        title,
    )


def _whole(name: str, link: ShareLink) -> str:
    return settings.SITE_URL + reverse(f"mixes:{name}", args=[link.key])
