"""Views to connect, show and disconnect a channel, and the operator's set-up page."""

from typing import cast

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.models import User
from accounts.requests import UserRequest
from mixes.services.limits import LimitReached
from mixes.services.rate_limits import check_rate
from mixtape_site.configuration.addresses import LOOPBACK_NAMES
from youtube_integration.models import YouTubeCredential
from youtube_integration.pages.channel_page import PICTURE_HOSTS, channel_page
from youtube_integration.pages.setup_page import setup_page
from youtube_integration.services import channels

PENDING_KEY = "youtube_connection"  # session key of the pending consent
RETURN_KEY = "youtube_came_from"  # session key of the page to return to after connecting
CONNECTIONS_PER_MINUTE = 10

shows_channels = csp_update({"img-src": [f"https://{host}" for host in PICTURE_HOSTS]})


@require_safe
@login_required
@shows_channels
def channel(request: HttpRequest) -> HttpResponse:
    return render(request, "youtube/channel.html", {"channel": channel_page(cast(User, request.user))})


@require_POST
@login_required
def connect(request: UserRequest) -> HttpResponse:
    """Redirect to Google's consent page."""
    if not settings.PUBLISHING:
        return redirect("youtube:channel")
    if is_under_another_name(request):
        text = _("Google sends you back to %(url)s: open this site there, and connect then.")
        messages.error(request, text % {"url": settings.SITE_URL})
        return redirect("youtube:channel")
    try:
        check_rate(request.user, "youtube-connect", CONNECTIONS_PER_MINUTE)
        address, pending = channels.begin_connection(request.user, playlists="playlists" in request.POST)
    except (LimitReached, channels.NotConnected) as error:
        messages.error(request, str(error))
        return redirect("youtube:channel")
    request.session[PENDING_KEY] = pending
    return redirect(address)


def is_under_another_name(request: HttpRequest) -> bool:
    """Return whether this machine was opened under another host name: cookies are per host name."""
    host = split_domain_port(request.get_host())[0]
    return host in LOOPBACK_NAMES and host != settings.SITE.host


@require_GET
@login_required
@never_cache
def callback(request: UserRequest) -> HttpResponse:
    """Process the answer of the consent page, once."""
    pending = request.session.pop(PENDING_KEY, None)
    try:
        credential = channels.finish_connection(request.user, pending, request.META.get("QUERY_STRING", ""))
    except channels.NotConnected as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("“%(title)s” is connected.") % {"title": credential.channel_title})
        return redirect(request.session.pop(RETURN_KEY, "youtube:channel"))
    return redirect("youtube:channel")


@require_POST
@login_required
def disconnect(request: UserRequest) -> HttpResponse:
    credential = YouTubeCredential.objects.filter(user=request.user).first()
    if credential is not None:
        channels.disconnect(credential)
        text = _(
            "Disconnected. What this site knew about your channel is deleted, except for what you published."
        )
        messages.success(request, text)
    return redirect("youtube:channel")


@require_safe
@login_required
def setup(request: UserRequest) -> HttpResponse:
    """Show operators each step in Google's console, and what is still missing."""
    if not request.user.is_staff:
        raise Http404
    page = setup_page(ask_google="ask" in request.GET)
    return render(request, "youtube/setup.html", {"setup": page})
