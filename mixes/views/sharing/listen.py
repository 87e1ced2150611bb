"""Listen links: made and ended by the owner; page, player, sound and oEmbed for all who have it."""

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.forms.shares import ShareForm
from mixes.models import Artifact, ShareLink
from mixes.pages.sharing.share_page import oembed_of, share_page
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rate_limits import WINDOW_S, count_request
from mixes.services.rendering.artifacts import CONTENT_TYPES
from mixes.services.sharing import share_links
from mixes.services.sharing.share_pictures import share_picture

MOST_REQUESTS = 600  # of one client in a minute: players ask for many parts
HIDDEN = {"X-Robots-Tag": "noindex, nofollow"}
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def at_a_human_rate(view: View) -> View:
    """Answer 429 to a client that asks too often, and keep the answer out of search engines."""

    @wraps(view)
    def limited(request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if count_request("listen", client_of(request)) > MOST_REQUESTS:
            headers = {"Retry-After": str(WINDOW_S)}
            return HttpResponse(_("That was a lot at once. Wait a minute."), status=429, headers=headers)
        answer = view(request, *args, **options)
        for name, value in HIDDEN.items():
            answer[name] = value
        return answer

    return cast(View, limited)


def client_of(request: HttpRequest) -> str:
    return str(get_adapter().get_client_ip(request))


@login_required
@require_POST
def job_share(request: UserRequest, job_pk: uuid.UUID) -> HttpResponse:
    """Make, change or end the link of a result."""
    job = access.get_job(request.user, job_pk)
    card = redirect(reverse("mixes:job_detail", args=[job.pk]) + "#share-title")
    if "end" in request.POST:
        share_links.end(job)
        messages.success(request, _("The link has ended. A new one will have another address."))
        return card
    form = ShareForm(request.POST)
    if not job.artifacts.filter(kind__in=(Artifact.Kind.MP3, Artifact.Kind.MP4)).exists():
        messages.info(request, _("There is nothing to hear yet. Make the mix first."))
    elif not form.is_valid():
        messages.error(request, _("Choose how long the link lasts."))
    else:
        data = form.cleaned_data
        share_links.share(job, days=data["days"], may_download=data["may_download"])
        messages.success(request, _("Whoever has this link can hear the mix."))
    return card


@require_safe
@at_a_human_rate
def listen(request: HttpRequest, key: str) -> HttpResponse:
    """Show the player to everyone who has the link."""
    return render(request, "mixes/listen.html", _context(access.get_share(key)))


@require_safe
@xframe_options_exempt
@at_a_human_rate
def listen_embed(request: HttpRequest, key: str) -> HttpResponse:
    """Show the player alone, for the pages of other sites."""
    answer = render(request, "mixes/listen_embed.html", _context(access.get_share(key)))
    # in frames of any site: the page has no form, no cookie counts, and it shows the same to everyone
    answer._csp_replace = {"frame-ancestors": ["*"]}  # type: ignore[attr-defined]  # as csp's decorator
    return answer


@require_safe
@at_a_human_rate
def listen_sound(request: HttpRequest, key: str) -> HttpResponseBase:
    """Send the sound or a range of it."""
    link = access.get_share(key)
    if request.method == "GET" and request.headers.get("Range", "bytes=0-") == "bytes=0-":
        share_links.count_play(link, client_of(request))
    return _send(request, link, as_attachment=False)


@require_safe
@at_a_human_rate
def listen_download(request: HttpRequest, key: str) -> HttpResponseBase:
    """Send the file as a download, if the owner allows it."""
    link = access.get_share(key)
    if not link.may_download:
        raise Http404("This link is for listening only.")
    return _send(request, link, as_attachment=True)


@require_safe
@at_a_human_rate
def listen_picture(request: HttpRequest, key: str) -> HttpResponse:
    """Send the picture that messengers show."""
    picture = share_picture(access.get_share(key).job)
    headers = {"Cache-Control": "private, max-age=3600"}
    return HttpResponse(picture, content_type="image/jpeg", headers=headers)


@require_safe
@at_a_human_rate
def oembed(request: HttpRequest) -> HttpResponse:
    """Answer the oEmbed question for the address of a listen link (oembed.com, version 1.0)."""
    if request.GET.get("format", "json") != "json":
        return HttpResponse(_("Only JSON is answered."), status=501, content_type="text/plain; charset=utf-8")
    link = access.get_share(_key_in(request.GET.get("url", "")))
    most = {}
    for name in ("maxwidth", "maxheight"):
        given = request.GET.get(name, "")
        if given.isascii() and given.isdigit() and int(given[:9]) > 0:
            most[name] = int(given[:9])
    return JsonResponse(oembed_of(link, most), headers={"Access-Control-Allow-Origin": "*"})


def _key_in(url: str) -> str:
    """Return the key in the address of a page or a player of this site. Raises Http404."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Http404("This is no address.") from None
    if f"{parts.scheme}://{parts.netloc}" != settings.SITE_URL:
        raise Http404("This is no address of this site.")
    try:
        match = resolve(parts.path)
    except Resolver404:
        raise Http404("This is no listen link.") from None
    if match.view_name not in ("mixes:listen", "mixes:listen_embed"):
        raise Http404("This is no listen link.")
    return str(match.kwargs["key"])


def _context(link: ShareLink) -> dict[str, object]:
    page = share_page(link)
    if page.sound is None:
        raise Http404("There is nothing to hear.")
    return {"link": link, "job": link.job, "sheet": page}


def _send(request: HttpRequest, link: ShareLink, *, as_attachment: bool) -> HttpResponseBase:
    sound = share_page(link).sound
    if sound is None:
        raise Http404("There is nothing to hear.")
    return ranged_response(
        request,
        storage.path_of(sound.file),
        content_type=CONTENT_TYPES[sound.kind],
        filename=sound.name,
        as_attachment=as_attachment,
        etag=sound.sha256,
    )
