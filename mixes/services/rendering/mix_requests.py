"""Request a mix, and cancel, retry or delete its job."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from mixes.engine.pipeline.request import STAGES, MixRequest, expected_bytes
from mixes.engine.timeline import Timeline
from mixes.leases import OPEN, State
from mixes.models import Artifact, Mix, MixJob, MixTrack, Track
from mixes.queues import LONG, wake
from mixes.services import storage, wording
from mixes.services.editing import plans
from mixes.services.editing.engine_settings import items_of
from mixes.services.limits import DiskFull, LimitReached, storage_used
from mixes.services.rendering import snapshots
from mixes.services.shows.episodes import take_number

MAX_NAMED = 2  # tracks named in a sentence
MAX_PLACES = 500
WORKING = (Track.State.UPLOADING, Track.State.ANALYSING)


def request_mix(mix: Mix, *, mail: bool = False, accepted_missing: int = 0) -> MixJob:
    """Queue a job that makes the mix as it is now; return the open job if there is one.

    `accepted_missing` is the number of unusable songs the owner agreed to leave out. Raises LimitReached with
    the sentence for its owner.
    """
    if job := open_job(mix):
        return job
    items = items_of(mix)
    plan = plans.plan_of(mix, items)
    used = plan.used(items) if plan else []
    require_ready(items, used)
    left_out = [item.track.label for item in items if not item.track.is_usable]
    if plan is None:
        raise LimitReached(_("There is no song to make a mix of yet. Add some first."))
    require_consent(left_out, accepted_missing)
    check_disk_space(mix, plan.timeline)
    drawing = plans.drawing_of(mix, plan, items)
    outline = {"clips": drawing.clips, "bars": drawing.bars}
    try:
        with transaction.atomic():
            check_open_jobs(mix.owner)
            made = take_number(mix)
            snapshot = snapshots.take_snapshot(made, used, plan.timeline) | {"left_out": left_out}
            job = save_job(made, snapshot=snapshot, outline=outline, mail_when_done=mail)
            wake(LONG)
    except IntegrityError:  # a concurrent request was first
        return MixJob.objects.get(dedupe_key=dedupe_key(mix), state__in=OPEN)
    return job


def save_job(mix: Mix, **values: Any) -> MixJob:
    """Save the job of a mix. Raises IntegrityError while another one is open."""
    job = MixJob(
        mix=mix,
        owner_id=mix.owner_id,
        title=mix.title,
        queue=LONG,
        dedupe_key=dedupe_key(mix),
        **values,
    )
    job.save(force_insert=True)
    return job


def dedupe_key(mix: Mix) -> str:
    """Return the key that allows one open job per mix."""
    return f"mix:{mix.pk}"


def open_job(mix: Mix) -> MixJob | None:
    """Return the waiting or running job of a mix."""
    return MixJob.objects.filter(dedupe_key=dedupe_key(mix), state__in=OPEN).first()


def require_ready(items: Sequence[MixTrack], used: Sequence[MixTrack]) -> None:
    """Raise LimitReached while songs of the mix are being uploaded or analysed.

    The mix would be made without them. `used` are the items of its plan.
    """
    planned = {item.pk for item in used}
    reanalysed = {item.pk for item in items if item.track.is_usable} - planned
    not_ready = {item.pk for item in items if item.track.state in WORKING and not item.track.deleted_at}
    waiting = [item.track.label for item in items if item.pk in reanalysed | not_ready]
    if not waiting:
        return
    raise LimitReached(
        ngettext(
            "%s is not ready yet. Make the mix when it is, or take it out.",
            "%s are not ready yet. Make the mix when they are, or take them out.",
            len(waiting),
        )
        % named(waiting)
    )


def accepted_missing(value: str) -> int:
    """Return the number of missing songs the button announced."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def require_consent(left_out: Sequence[str], accepted: int) -> None:
    """Raise LimitReached when the mix would lack more songs than its owner accepted."""
    if len(left_out) > accepted:
        raise LimitReached(
            ngettext(
                "%s cannot be used. Make the mix without it, or see in its row what can be done.",
                "%s cannot be used. Make the mix without them, or see in their rows what can be done.",
                len(left_out),
            )
            % named(left_out)
        )


def named(titles: Sequence[str]) -> str:
    """Return the first titles, and how many more there are."""
    names = ", ".join(f"“{title}”" for title in titles[:MAX_NAMED])
    if len(titles) > MAX_NAMED:
        return _("%(names)s and %(count)d more") % {"names": names, "count": len(titles) - MAX_NAMED}
    return names


def check_disk_space(mix: Mix, timeline: Timeline) -> None:
    """Raise LimitReached when the results would exceed the owner's storage, DiskFull when the disk."""
    request = MixRequest(
        sources=(),
        title=mix.title,
        formats=tuple(kind for kind, wanted in (("mp3", mix.make_mp3), ("mp4", mix.make_mp4)) if wanted),
        bitrate_kbps=mix.bitrate_kbps,
        size=snapshots.size_of(mix),
        title_cards=mix.title_cards,
    )
    expected = expected_bytes(request, timeline)
    check_disk(expected)
    left = settings.LIMITS.storage_bytes - storage_used(mix.owner)
    if expected > left:
        raise LimitReached(
            _(
                "This mix may take up to %(size)s and %(left)s of your %(all)s are free. "
                "Delete mixes or tracks that you do not need, and empty the bin."
            )
            % {
                "size": filesizeformat(expected),
                "left": filesizeformat(max(0, left)),
                "all": filesizeformat(settings.LIMITS.storage_bytes),
            }
        )


def check_disk(expected: int) -> None:
    """Raise DiskFull when the disk cannot hold `expected` more bytes."""
    if storage.free_bytes() - expected < settings.LIMITS.free_disk_bytes:
        raise DiskFull(disk_full())


def disk_full() -> str:
    """Return the sentence for a full disk while a mix is made."""
    return _("The site's disk is too full to make this mix now. Nothing was lost; try again later.")


def check_open_jobs(owner: User) -> None:
    """Raise LimitReached when `owner` has the maximum of open mixes; locks their row until the commit."""
    User.objects.select_for_update().get(pk=owner.pk)
    most = settings.LIMITS.jobs_running
    if MixJob.objects.filter(owner=owner, state__in=OPEN).count() >= most:
        raise LimitReached(
            ngettext(
                "%d mix of yours is being made already. Wait for it, or cancel it.",
                "%d mixes of yours are being made already. Wait for one, or cancel one.",
                most,
            )
            % most
        )


def cancel(job: MixJob) -> bool:
    """Cancel a job: at once while it waits, at its next heartbeat while it runs; False when it has ended."""
    with transaction.atomic():
        stopped = MixJob.objects.request_cancel(job.pk)
        # no worker is there to remove an earlier attempt's files
        transaction.on_commit(partial(clear_if_cancelled, job))
    return stopped


def clear_if_cancelled(job: MixJob) -> None:
    """Remove the work folder of a cancelled job without a worker."""
    if MixJob.objects.filter(pk=job.pk, state=State.CANCELLED).exists():
        storage.remove_folder(storage.scratch_path("mix", job.pk))


def retry(job: MixJob) -> None:
    """Requeue an ended job with the same snapshot; its results stay until they are replaced.

    Raises LimitReached, also when another job of the mix is open.
    """
    with transaction.atomic():
        check_open_jobs(job.owner)
        remake(job, job.from_stage)


def remake(job: MixJob, from_stage: str = "") -> None:
    """Requeue an ended job from a stage on, reusing earlier stages; ignores the owner's limits.

    Raises LimitReached when a job of the mix is open.
    """
    if from_stage and from_stage not in STAGES:
        raise ValueError(f"There is no stage {from_stage!r}; there are {', '.join(STAGES)}.")
    try:
        with transaction.atomic():
            if not MixJob.objects.retry([job.pk]):
                raise LimitReached(_("It is still being made."))
            MixJob.objects.filter(pk=job.pk).update(from_stage=from_stage)
            wake(LONG)
    except IntegrityError:
        raise LimitReached(_("This mix is being made already.")) from None


def delete_job(job: MixJob) -> None:
    """Delete an ended job with its files. Raises LimitReached while it is open."""
    with transaction.atomic():
        files = list(Artifact.objects.filter(job=job).values_list("file", flat=True))
        deleted, _by_kind = MixJob.objects.filter(pk=job.pk).exclude(state__in=OPEN).delete()
        if not deleted:
            raise LimitReached(_("This mix is still being made. Cancel it first."))
        transaction.on_commit(partial(remove_files, job, files))


def remove_files(job: MixJob, files: Sequence[str]) -> None:
    """Remove a deleted job's files from the disk."""
    for name in files:
        storage.remove(name)
    storage.remove_folder(storage.scratch_path("mix", job.pk))


def place_in_queue(job: MixJob) -> int | None:
    """Return the job's place in the queue, from 1; None when it does not wait."""
    if job.state != State.QUEUED:
        return None
    waiting = MixJob.objects.waiting(job.queue).in_fair_order().values_list("pk", flat=True)
    places = {pk: place for place, pk in enumerate(waiting[:MAX_PLACES], 1)}
    return places.get(job.pk)


def next_try_text(job: MixJob) -> str:
    """Return when the next attempt of a job starts, in words."""
    left_s = (job.not_before - timezone.now()).total_seconds() if job.not_before else 0.0
    if left_s <= 0:
        return _("It goes on as soon as a worker is free.")
    return _("It is tried again in about %d s.") % max(5, round(left_s / 5) * 5)


def remaining_text(job: MixJob) -> str:
    """Return a job's remaining time in words."""
    return wording.remaining_words(job.eta_s)
