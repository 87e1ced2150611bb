"""What a page of a mix was made from, as short hashes: the page names what it shows and gets what differs."""

import hashlib
from collections.abc import Iterable

from django.db.models import Count, Max

from mixes.models import AnalysisJob, Mix, MixJob, MixTrack

DIGEST_CHARACTERS = 8
MAX_SHOWN = 5_000  # digests that a request may name: two per song and a few pieces


def digest_of(*parts: object) -> str:
    """Return a short hash of values."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:DIGEST_CHARACTERS]


def digests_in(text: str) -> frozenset[str]:
    """Return the digests that a page names, written one after the other."""
    whole = text[: MAX_SHOWN * DIGEST_CHARACTERS]
    return frozenset(whole[at : at + DIGEST_CHARACTERS] for at in range(0, len(whole), DIGEST_CHARACTERS))


def state_of(mix: Mix) -> str:
    """Return a hash that changes whenever the page of a mix does, from three queries."""
    items = MixTrack.objects.filter(mix=mix)
    tracks = items.order_by("position").values_list(
        "track__state",
        "track__deleted_at",
        "track__upload__offset",
        "track__upload__size",
        "track__title",
        "track__artist",
        "track__name",
    )
    analyses = AnalysisJob.objects.filter(track__places__mix=mix).aggregate(
        Count("measured_at"), Max("measured_at")
    )
    jobs = MixJob.objects.filter(mix=mix).order_by("-created_at").values_list("pk", "state", "finished_at")
    return digest_of(mix.version, _rounded(tracks), sorted(analyses.items()), jobs.first())


def _rounded(tracks: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return the rows with each upload's progress in tenths, so that not every chunk is a change."""
    rows = []
    for state, deleted_at, offset, size, *names in tracks:
        tenths = None if offset is None else int(offset) * 10 // max(1, int(size))  # type: ignore[call-overload]
        rows.append((state, deleted_at, tenths, *names))
    return rows
