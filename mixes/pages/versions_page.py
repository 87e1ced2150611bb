"""The page of a mix's versions: every result, and what differs between two of them."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from mixes.models import Mix, MixJob
from mixes.models.snapshot_format import Snapshot
from mixes.services.editing import plans
from mixes.services.editing.engine_settings import items_of
from mixes.services.editing.versions import KEPT, label_of, versions_of
from mixes.services.rendering.comparison import Difference, compare
from mixes.services.rendering.snapshots import take_snapshot, timeline_of

NOW = "now"  # stands for the mix as it is


@dataclass(frozen=True, slots=True)
class Version:
    """One result of a mix, with its place among them."""

    job: MixJob
    number: int  # from 1, the oldest

    @property
    def key(self) -> str:
        return str(self.job.pk)

    @property
    def label(self) -> str:
        return label_of(self.job, self.number)

    @property
    def duration_s(self) -> float:
        return timeline_of(self.job.snapshot).duration_s

    @property
    def songs(self) -> int:
        return len(self.job.snapshot["tracks"])

    @property
    def is_kept(self) -> bool:
        """Return whether one can go back to it."""
        return KEPT in self.job.snapshot


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two versions side by side, the earlier one first."""

    old: str  # keys, for the form
    new: str
    old_label: str
    new_label: str
    differences: tuple[Difference, ...]


def versions(mix: Mix) -> list[Version]:
    """Return the versions of a mix, the newest first."""
    return [Version(job, number) for number, job in enumerate(versions_of(mix), 1)][::-1]


def comparison(mix: Mix, made: list[Version], old: str, new: str) -> Comparison | None:
    """Return what differs between the versions with these keys; by default between the newest and now.

    None where there is no version, or no song in the mix as it is.
    """
    if not made:
        return None
    known = {version.key: version for version in made}
    first = known.get(old, made[0])
    second = known.get(new)
    snapshot = second.job.snapshot if second else snapshot_now(mix)
    if snapshot is None:
        return None
    return Comparison(
        first.key,
        second.key if second else NOW,
        first.label,
        second.label if second else _("the mix as it is now"),
        compare(first.job.snapshot, snapshot),
    )


def snapshot_now(mix: Mix) -> Snapshot | None:
    """Return what would be made of the mix now; None without a usable song."""
    items = items_of(mix)
    plan = plans.plan_of(mix, items)
    return take_snapshot(mix, plan.used(items), plan.timeline) if plan else None
