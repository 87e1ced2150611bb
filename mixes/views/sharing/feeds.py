"""The podcast feed of a show: its switch for the owner, and the feed with its files for its listeners."""

import hashlib
import uuid
from typing import TypeVar

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import UserRequest
from mixes import access
from mixes.models import Artifact
from mixes.pages.sharing.podcast_feed import PodcastFeed, feed_xml
from mixes.services import storage
from mixes.services.delivery.ranges import ranged_response
from mixes.services.rendering.artifacts import CONTENT_TYPES
from mixes.services.sharing import feed_pictures, feeds

# players of other sites may read it; no cookie counts here, and the address is the secret
OPEN = {"Access-Control-Allow-Origin": "*", "X-Robots-Tag": "noindex, nofollow"}
Answer = TypeVar("Answer", bound=HttpResponseBase)
EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag"


@login_required
@require_POST
def show_feed(request: UserRequest, show_pk: uuid.UUID) -> HttpResponse:
    """Switch the feed of a show on or off, or give it another address."""
    show = access.get_show(request.user, show_pk)
    if "renew" in request.POST:
        feeds.renew_address(show)
        messages.success(request, _("The feed has another address. Send it to those who listen."))
    elif "on" in request.POST:
        feeds.switch_feed(show, on=True)
        messages.success(request, _("The feed is on. Put the episodes into it that others should hear."))
    else:
        feeds.switch_feed(show, on=False)
        messages.success(request, _("The feed is off. Switched on again, it has the same address."))
    return _to_card(show.pk)


@login_required
@require_POST
def mix_feed(request: UserRequest, mix_pk: uuid.UUID) -> HttpResponse:
    """Put an episode into the feed of its show, or take it out."""
    mix = access.get_mix(request.user, mix_pk)
    if mix.show_id is None:
        messages.info(request, _("This mix belongs to no show, so there is no feed for it."))
        return redirect("mixes:mix_detail", mix.pk)
    feeds.put_in_feed(mix, wanted="in" in request.POST)
    try:
        return redirect("mixes:job_detail", uuid.UUID(request.POST.get("job", "")))
    except ValueError:  # pressed on the page of the show
        return _to_card(mix.show_id)


@require_safe
def feed(request: HttpRequest, key: str) -> HttpResponse:
    """Answer with the feed; unchanged since the client's copy, with 304."""
    found = feeds.feed_of(access.get_feed(key))
    content = feed_xml(found).encode()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    changed_s = int(found.changed_at.timestamp())
    headers = {"ETag": etag, "Last-Modified": http_date(changed_s), "Cache-Control": "no-cache"}
    whole = HttpResponse(content, content_type=PodcastFeed.content_type, headers=headers)
    answer = get_conditional_response(request, etag, changed_s, whole) or whole
    return _opened(answer)


@require_safe
def feed_sound(request: HttpRequest, key: str, artifact_pk: uuid.UUID) -> HttpResponseBase:
    """Send the MP3 of an episode, or a range of it."""
    return _send(request, key, artifact_pk, Artifact.Kind.MP3)


@require_safe
def feed_chapters(request: HttpRequest, key: str, artifact_pk: uuid.UUID) -> HttpResponseBase:
    """Send the chapters of an episode as JSON."""
    return _send(request, key, artifact_pk, Artifact.Kind.CHAPTERS)


@require_safe
def feed_picture(request: HttpRequest, key: str, picture_pk: uuid.UUID) -> HttpResponse:
    """Send the square picture of a show or an episode; the content of an address never changes."""
    show = access.get_feed(key)
    if not feed_pictures.has_picture(show, picture_pk):
        raise Http404("There is no such picture in this feed.")
    etag = f'"{picture_pk.hex}"'
    headers = {**OPEN, "ETag": etag, "Cache-Control": "public, max-age=86400"}
    if answer := get_conditional_response(request, etag):
        return answer
    return HttpResponse(
        feed_pictures.read_picture(show, picture_pk), content_type="image/jpeg", headers=headers
    )


def _send(request: HttpRequest, key: str, pk: uuid.UUID, kind: str) -> HttpResponseBase:
    found = feeds.in_feed(access.get_feed(key), pk, kind)
    if found is None:
        raise Http404("There is no such file in this feed.")
    answer = ranged_response(
        request,
        storage.path_of(found.file),
        content_type=CONTENT_TYPES[kind],
        filename=found.name,
        etag=found.sha256,
    )
    answer["Access-Control-Expose-Headers"] = EXPOSED
    return _opened(answer)


def _opened(answer: Answer) -> Answer:
    for name, value in OPEN.items():
        answer[name] = value
    return answer


def _to_card(show_pk: uuid.UUID) -> HttpResponse:
    return redirect(reverse("mixes:show", args=[show_pk]) + "#feed-title")
