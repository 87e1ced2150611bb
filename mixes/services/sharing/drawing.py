"""Draw a picture of any size for people without an account: of an artwork, or generated from words."""

from collections.abc import Sequence

from mixes.engine.errors import PictureError
from mixes.engine.pictures.pictures import Size, generated_picture, safe_picture
from mixes.models import Artwork
from mixes.services import storage
from mixes.services.library.kept_pictures import picture_folder, to_jpeg

Peaks = Sequence[tuple[float, float]]
MOST_BYTES = 500_000


def draw(artwork: Artwork | None, words: tuple[str, str], peaks: Peaks, size: Size) -> bytes:
    """Return a JPEG of the artwork; of title, artist and peaks when there is none or it cannot be read."""
    with picture_folder() as folder:
        drawn = folder / "drawn.png"
        try:
            if artwork is None:
                raise PictureError(drawn, "there is none.")
            safe_picture(storage.path_of(artwork.file), size, drawn)
        except PictureError:
            generated_picture(*words, peaks, size, drawn)
        return to_jpeg(drawn, MOST_BYTES)
