"""The picture that messengers and other sites show beside a listen link."""

from uuid import uuid5

from mixes.models import Artwork, MixJob
from mixes.services.library.kept_pictures import kept_picture
from mixes.services.sharing.drawing import draw

SIZE = (1200, 630)  # what OpenGraph's readers cut nothing from
KEPT = "share"  # kind of the scratch folders that hold drawn pictures


def share_picture(job: MixJob) -> bytes:
    """Return the picture of a result as JPEG; it is drawn once, and kept for a day after its last use."""
    file = job.snapshot["picture"]
    artwork = Artwork.objects.filter(owner=job.owner_id, file=file).first() if file else None
    words = (job.title, str(job.snapshot["artist"]))
    percents = (job.outline or {}).get("bars", ())
    peaks = [(-percent / 100, percent / 100) for percent in percents]
    key = uuid5(job.pk, repr((artwork and artwork.pk, words, peaks)))
    return kept_picture(KEPT, key, lambda: draw(artwork, words, peaks, SIZE))
