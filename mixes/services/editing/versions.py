"""The versions of a mix: every result with the arrangement it was made from, and the way back to one."""

from django.utils.translation import gettext as _

from mixes.engine.text import clean_text
from mixes.leases import State
from mixes.models import Mix, MixJob
from mixes.services.editing.arrangement import Arrangement, arrangement_of
from mixes.services.editing.edits import edit
from mixes.services.editing.history import RestoreTrack, binned_tracks, still_there

NAME_LENGTH = 100
KEPT = "arrangement"  # key of a snapshot; results of older versions of the site have none
COLUMNS = ("name", "title", "finished_at", "created_at", "owner", "mix", "snapshot")


class NotKept(Exception):
    """The result has no arrangement to go back to."""


def versions_of(mix: Mix) -> list[MixJob]:
    """Return the finished results of a mix, oldest first."""
    made = MixJob.objects.filter(mix=mix, state=State.DONE).only(*COLUMNS)
    return list(made.order_by("created_at", "pk"))


def label_of(version: MixJob, number: int) -> str:
    """Return the name of a version, or its number."""
    return version.name or _("Version %d") % number


def name_version(version: MixJob, name: str) -> None:
    """Name a version; an empty name is its number again."""
    MixJob.objects.filter(pk=version.pk).update(name=clean_text(name)[:NAME_LENGTH])


def go_back(mix: Mix, version: MixJob, label: str, seen: int | None, restore_track: RestoreTrack) -> Mix:
    """Arrange the mix as the version was, as one edit that can be undone.

    Songs in the bin come back; those deleted for good are left out. Raises StaleEdit, and NotKept for a
    result without an arrangement.
    """
    if KEPT not in version.snapshot:
        raise NotKept
    wanted = Arrangement.from_json(version.snapshot[KEPT])
    for track in binned_tracks(mix, arrangement_of(mix), wanted):
        restore_track(track)
    return edit(mix, seen, _("Went back to “%s”") % label, lambda _now: still_there(mix, wanted))


def count_lost(mix: Mix, version: MixJob) -> int:
    """Return how many songs of a version are missing in the mix that went back to it."""
    return len(version.snapshot[KEPT]["items"]) - mix.items.count()
