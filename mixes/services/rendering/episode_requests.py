"""Make the next episode of a show of songs, as one step."""

from collections.abc import Sequence

from django.db import transaction

from mixes.models import MixJob, Show, Track
from mixes.services.editing import edits
from mixes.services.rendering.mix_requests import request_mix
from mixes.services.shows.episodes import start_episode


def make_episode(
    show: Show, tracks: Sequence[Track], *, mail: bool = False, accepted_missing: int = 0
) -> tuple[MixJob, tuple[str, ...]]:
    """Begin an episode with these songs and queue its job; return sentences on what is missing, too.

    Raises LimitReached, such as for a song that is not ready; then there is no episode.
    """
    with transaction.atomic():
        mix, missing = start_episode(show)
        mix = edits.add_from_library(mix, tracks)
        return request_mix(mix, mail=mail, accepted_missing=accepted_missing), missing
