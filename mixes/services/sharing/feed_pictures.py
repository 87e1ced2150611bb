"""Square pictures of a feed, as podcast apps ask for them: of the show, and of episodes with their own."""

import hashlib
from uuid import UUID, uuid5

from mixes.models import Artwork, Mix, MixJob, Show
from mixes.services.library.kept_pictures import kept_picture
from mixes.services.sharing.drawing import draw

SIZE = (1400, 1400)  # what Apple asks for at least
KEPT = "cover"  # kind of the scratch folders that hold drawn pictures
BARS = 28


def picture_of(show: Show) -> UUID:
    """Return the id of a show's picture: that of its artwork, or one that changes with its words."""
    return artwork_of(show) or uuid5(show.pk, repr(words_of(show)))


def has_picture(show: Show, pk: UUID) -> bool:
    """Return whether `pk` is the picture of a show or of an episode in its feed."""
    if pk == picture_of(show):
        return True
    own = Artwork.objects.filter(pk=pk, owner=show.owner_id).values_list("file", flat=True).first()
    mixes = Mix.objects.filter(show=show, deleted_at=None, in_feed_since__isnull=False)
    return own is not None and MixJob.objects.filter(mix__in=mixes, snapshot__picture=own).exists()


def read_picture(show: Show, pk: UUID) -> bytes:
    """Return a picture as JPEG; it is drawn once, and kept for a day after its last use."""
    artwork = Artwork.objects.filter(pk=pk, owner=show.owner_id).first()
    return kept_picture(KEPT, pk, lambda: draw(artwork, words_of(show), _peaks(show.name), SIZE))


def artwork_of(show: Show) -> UUID | None:
    """Return the id of the picture that a show's owner chose, if it is still there."""
    pk = show.preset.get("artwork_id")
    is_there = pk and Artwork.objects.filter(pk=pk, owner=show.owner_id).exists()
    return UUID(pk) if is_there else None


def words_of(show: Show) -> tuple[str, str]:
    return show.name, str(show.preset.get("artist", ""))


def _peaks(name: str) -> list[tuple[float, float]]:
    """Return a waveform that belongs to a name, since a show has no sound of its own."""
    heights = [0.2 + 0.75 * byte / 255 for byte in hashlib.sha256(name.encode()).digest()[:BARS]]
    return [(-height, height) for height in heights]
