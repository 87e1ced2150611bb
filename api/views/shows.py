"""Shows: begin an episode, or make it and publish it in one request."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from ninja import Router

from api.authentication import ApiRequest, Bearer, require_scope
from api.shapes.common import Cursor, IdempotencyKey, Limit, Page
from api.shapes.jobs import show_job
from api.shapes.mixes import MixOut
from api.shapes.shows import EpisodeJob, EpisodeMake, EpisodeNew, ShowOut, show_show
from api.views.common import answer_mix, list_page, once
from api.views.mixes import usable_tracks
from api.views.publications import publish
from mixes import access
from mixes.models import Track
from mixes.services.editing import edits
from mixes.services.rendering.episode_requests import make_episode
from mixes.services.shows.episodes import start_episode

router = Router(tags=["shows"])


@router.get("/shows", response=Page[ShowOut])
def show_list(request: ApiRequest, cursor: Cursor, limit: Limit) -> Page[ShowOut]:
    """Return the shows, newest first."""
    return list_page(access.shows_of(request.user), cursor, limit, show_show)


@router.get("/shows/{uuid:show_id}", response=ShowOut)
def show(request: ApiRequest, show_id: UUID) -> ShowOut:
    """Return a show."""
    return show_show(access.get_show(request.user, show_id))


@router.post("/shows/{uuid:show_id}/episodes", response={201: MixOut}, auth=Bearer("write"))
def episode_create(
    request: ApiRequest,
    response: HttpResponse,
    show_id: UUID,
    body: EpisodeNew,
    idempotency_key: IdempotencyKey,
) -> Any:
    """Begin the next episode with songs; it gets its number when it is made."""
    found = access.get_show(request.user, show_id)

    def work() -> MixOut:
        songs = songs_of(request, body)
        with transaction.atomic():
            mix, _missing = start_episode(found)
            return answer_mix(edits.add_from_library(mix, songs), response)

    return once(request, idempotency_key, response, work)


@router.post("/shows/{uuid:show_id}/make", response={201: EpisodeJob}, auth=Bearer("write"))
def episode_make(
    request: ApiRequest,
    response: HttpResponse,
    show_id: UUID,
    body: EpisodeMake,
    idempotency_key: IdempotencyKey,
) -> Any:
    """Make the next episode of songs that are ready; `publish` needs the scope of that name."""
    found = access.get_show(request.user, show_id)
    if body.publish:
        require_scope(request.token, "publish")

    def work() -> EpisodeJob:
        songs = songs_of(request, body)
        with transaction.atomic():
            job, missing = make_episode(found, songs, mail=body.mail, accepted_missing=body.without)
            publication = publish(request, job, body.publish).pk if body.publish else None
        return EpisodeJob(
            **show_job(job).model_dump(), missing=[str(one) for one in missing], publication=publication
        )

    return once(request, idempotency_key, response, work)


def songs_of(request: ApiRequest, body: EpisodeNew) -> list[Track]:
    """Return the tracks of a request in order. Raises Problem when one is missing or cannot be used."""
    ids = usable_tracks(request, body.tracks)
    found = access.tracks_of(request.user).defer("waveform").in_bulk(ids)
    return [found[pk] for pk in ids]
