"""Previews for the browser: rendered on request, kept in a bounded cache, rendered again after eviction."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy

from mixes.engine.errors import TimelineError
from mixes.engine.rendering.preview import cut_excerpt
from mixes.leases import ENDED, OPEN, State
from mixes.models import MixTrack, Preview, Track
from mixes.queues import SHORT, wake
from mixes.services import storage
from mixes.services.editing import plans
from mixes.services.editing.engine_settings import items_of

RECIPE_VERSION = 2  # raise it when the same preview would be rendered differently
TRACK_PRIORITY, JOIN_PRIORITY = 10, -10  # after analyses; before them, as a user waits
NOT_YET = gettext_lazy("This join can be heard once both of its tracks are ready.")
TOO_MANY_WAITING = gettext_lazy("Much is being made ready for you to hear already. Try again in a moment.")
USE_NOTED_EVERY = timedelta(minutes=1)  # minimum interval between updates of `used_at`


class NoPreview(Exception):
    """The preview does not exist or is not possible yet; str() is a sentence."""


def request_track_ahead(track: Track) -> None:
    """Request the preview of a ready track before anybody asks, unless many of its owner's are waiting.

    Half of those that may wait are kept for what the owner asks to hear.
    """
    if open_previews(track.owner_id).count() < settings.LIMITS.previews_waiting // 2:
        request_track(track)


def request_track(track: Track) -> Preview:
    """Return the preview of a ready track, requesting it if needed."""
    return _request(
        track.owner_id,
        Preview.Kind.TRACK,
        key=_key("track", track.sha256),
        recipe={"tracks": [str(track.pk)]},
        priority=TRACK_PRIORITY,
    )


def request_track_now(track: Track) -> Preview:
    """Return the preview of a track that a user waits for. Raises NoPreview when too many wait."""
    _check_waiting(track.owner_id, _key("track", track.sha256))
    preview = request_track(track)
    waiting = Preview.objects.filter(pk=preview.pk, state=State.QUEUED, priority__gt=JOIN_PRIORITY)
    if waiting.update(priority=JOIN_PRIORITY):
        wake(SHORT)
    return preview


def request_join(item: MixTrack) -> Preview:
    """Return the preview of the join after `item`, as the mix is now. Raises NoPreview."""
    items = items_of(item.mix)
    plan = plans.plan_of(item.mix, items)
    planned = plan.used(items) if plan else []
    if plan is None or item not in planned:
        raise NoPreview(NOT_YET)
    try:
        span = cut_excerpt(plan.timeline, planned.index(item))
    except TimelineError as error:
        raise NoPreview(NOT_YET) from error
    used = [planned[clip].track for clip in span.clips]
    recipe = span.to_dict()
    # the position in the mix does not change the sound, so it is not part of the key
    made_from = {**recipe, "first": 0, "sha256": [track.sha256 for track in used]}
    key = _key("join", json.dumps(made_from, sort_keys=True))
    _check_waiting(item.mix.owner_id, key)
    return _request(
        item.mix.owner_id,
        Preview.Kind.JOIN,
        key=key,
        recipe={**recipe, "tracks": [str(track.pk) for track in used]},
        priority=JOIN_PRIORITY,
    )


def open_previews(owner_id: int) -> QuerySet[Preview]:
    """Return the previews of an owner that are not made yet."""
    return Preview.objects.filter(owner=owner_id, state__in=OPEN)


def _check_waiting(owner_id: int, key: str) -> None:
    """Raise NoPreview for a new preview when the owner has too many that are asked for and not made yet."""
    if Preview.objects.filter(owner=owner_id, key=key, state__in=(*OPEN, State.DONE)).exists():
        return  # a copy that was requested ahead becomes one that is asked for
    if open_previews(owner_id).count() >= settings.LIMITS.previews_waiting:
        raise NoPreview(TOO_MANY_WAITING)


def retry(preview: Preview) -> Preview:
    """Render a preview again that was evicted, lost its file or failed."""
    if preview.state == State.DONE and storage.path_of(preview.file).is_file():
        return preview
    if Preview.objects.retry([preview.pk]):
        Preview.objects.filter(pk=preview.pk).update(file="", size=0, priority=JOIN_PRIORITY)
        wake(SHORT)
        preview.refresh_from_db()
    return preview


def title_of(preview: Preview) -> str:
    """Return the title of a preview: a track, or the two tracks of a join."""
    wanted = preview.recipe["tracks"][-2:]
    labels = {str(track.pk): track.label for track in Track.objects.filter(pk__in=wanted)}
    return " → ".join(labels.get(pk, "") for pk in wanted)


def mark_used(preview: Preview) -> None:
    """Record a use, for the eviction order."""
    now = timezone.now()
    Preview.objects.filter(pk=preview.pk, used_at__lt=now - USE_NOTED_EVERY).update(used_at=now)


def evict(keep: Preview) -> list[str]:
    """Evict the least recently used previews until the rest fits the cache; return their files to remove.

    Their rows stay; a new request renders them again.
    """
    kept = Preview.objects.filter(state=State.DONE).exclude(pk=keep.pk)
    too_much = (kept.aggregate(bytes=Sum("size"))["bytes"] or 0) + keep.size - settings.LIMITS.preview_bytes
    gone, files = [], []
    for pk, file, size in kept.order_by("used_at").values_list("pk", "file", "size").iterator(chunk_size=100):
        if too_much <= 0:
            break
        gone.append(pk)
        files.append(file)
        too_much -= size
    Preview.objects.filter(pk__in=gone).update(state=State.CANCELLED, file="", size=0)
    return files


def _key(kind: str, made_from: str) -> str:
    return hashlib.sha256(f"{RECIPE_VERSION}:{kind}:{made_from}".encode()).hexdigest()


def _request(
    owner_id: int, kind: Preview.Kind, *, key: str, recipe: dict[str, Any], priority: int
) -> Preview:
    preview = Preview.objects.filter(owner=owner_id, key=key).first()
    if preview is None:
        try:
            with transaction.atomic():
                preview = Preview.objects.create(
                    owner_id=owner_id,
                    kind=kind,
                    key=key,
                    recipe=recipe,
                    queue=SHORT,
                    priority=priority,
                    dedupe_key=f"preview:{owner_id}:{key[:64]}",
                )
        except IntegrityError:  # two concurrent requests
            return Preview.objects.get(owner=owner_id, key=key)
        wake(SHORT)
    elif preview.recipe["tracks"] != recipe["tracks"]:  # another row has the same content
        Preview.objects.filter(pk=preview.pk).update(recipe=recipe)
    return retry(preview) if preview.state in ENDED else preview
