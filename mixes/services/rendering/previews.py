"""What can be listened to in the browser: asked for, made once, kept in a bounded cache, made again."""

import hashlib
import json
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy

from mixes.engine.errors import TimelineError
from mixes.engine.mixing.preview import cut_excerpt
from mixes.leases import ENDED, OPEN, State
from mixes.models import MixTrack, Preview, Track
from mixes.queues import SHORT, wake
from mixes.services import storage
from mixes.services.editing import plans
from mixes.services.editing.engine_settings import items_of

RECIPE_VERSION = 1  # raised whenever the same would be made otherwise
TRACK_PRIORITY, JOIN_PRIORITY = 10, -10  # after every analysis; before it, because somebody waits
NOT_YET = gettext_lazy("This join can be heard once both of its tracks are ready.")
TOO_MANY_WAITING = gettext_lazy("Many joins are being made ready for you already. Try again in a moment.")
USE_NOTED_EVERY = timedelta(minutes=1)  # a use is noted no more often


class NoPreview(Exception):
    """There is no such join, or not yet; str() says so."""


def request_track(track: Track) -> Preview:
    """Return the listening copy of a ready track, asked for if it is not there."""
    return _request(
        track.owner_id,
        Preview.Kind.TRACK,
        key=_key("track", track.sha256),
        recipe={"tracks": [str(track.pk)]},
        priority=TRACK_PRIORITY,
    )


def request_track_now(track: Track) -> Preview:
    """Return the listening copy of a track that somebody waits for."""
    preview = request_track(track)
    waiting = Preview.objects.filter(pk=preview.pk, state=State.QUEUED, priority__gt=JOIN_PRIORITY)
    if waiting.update(priority=JOIN_PRIORITY):
        wake(SHORT)
    return preview


def request_join(item: MixTrack) -> Preview:
    """Return the sound of the join after `item`, as the mix has it now. Raises NoPreview without one."""
    items = items_of(item.mix)
    plan = plans.plan_of(item.mix, items)
    planned = plan.used(items) if plan else []
    if plan is None or item not in planned:
        raise NoPreview(NOT_YET)
    try:
        excerpt = cut_excerpt(plan.timeline, planned.index(item))
    except TimelineError as error:
        raise NoPreview(NOT_YET) from error
    used = [planned[clip].track for clip in excerpt.clips]
    recipe = excerpt.to_dict()
    # Where it lies in the mix changes nothing of what is heard
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


def _check_waiting(owner_id: int, key: str) -> None:
    """Raise NoPreview for one join more while many of them wait to be made."""
    waiting = Preview.objects.filter(owner=owner_id, kind=Preview.Kind.JOIN, state__in=OPEN).exclude(key=key)
    if waiting.count() >= settings.LIMITS.previews_waiting:
        raise NoPreview(TOO_MANY_WAITING)


def retry(preview: Preview) -> Preview:
    """Have a preview made that was evicted, has lost its file or has failed."""
    if preview.state == State.DONE and storage.path_of(preview.file).is_file():
        return preview
    if Preview.objects.retry([preview.pk]):
        Preview.objects.filter(pk=preview.pk).update(file="", size=0, priority=JOIN_PRIORITY)
        wake(SHORT)
        preview.refresh_from_db()
    return preview


def title_of(preview: Preview) -> str:
    """Return what is heard: a track, or the two that a join is between."""
    wanted = preview.recipe["tracks"][-2:]
    labels = {str(track.pk): track.label for track in Track.objects.filter(pk__in=wanted)}
    return " → ".join(labels.get(pk, "") for pk in wanted)


def mark_used(preview: Preview) -> None:
    """Remember that somebody listens: what was not used for longest goes first."""
    now = timezone.now()
    Preview.objects.filter(pk=preview.pk, used_at__lt=now - USE_NOTED_EVERY).update(used_at=now)


def evict(keep: Preview) -> list[str]:
    """Give up the previews used longest ago until the rest fits the cache; return their files, to be removed.

    Their rows stay: whoever asks for one again gets it made again.
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
        except IntegrityError:  # asked for twice at once
            return Preview.objects.get(owner=owner_id, key=key)
        wake(SHORT)
    elif preview.recipe["tracks"] != recipe["tracks"]:  # the same content under another row
        Preview.objects.filter(pk=preview.pk).update(recipe=recipe)
    return retry(preview) if preview.state in ENDED else preview
