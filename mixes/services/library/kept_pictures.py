"""Pictures that are drawn when they are first asked for, and kept for a day after their last use."""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

from PIL import Image

from mixes.engine.pipeline.work_folder import lock
from mixes.services import storage
from mixes.services.library.scratch import PICTURE

QUALITIES = (92, 84, 76, 68, 50)


def kept_picture(kind: str, key: UUID, draw: Callable[[], bytes]) -> bytes:
    """Return the JPEG of a key; `draw` makes it when it is not kept."""
    folder = storage.scratch_path(kind, key)
    kept = folder / f"{kind}.jpg"
    with contextlib.suppress(FileNotFoundError):
        os.utime(folder)  # `pruning` removes scratch folders by age
        return kept.read_bytes()
    jpeg = draw()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{uuid4().hex}.part"
    part.write_bytes(jpeg)
    part.replace(kept)
    return jpeg


@contextlib.contextmanager
def picture_folder() -> Iterator[Path]:
    """Yield a temporary folder for a picture; `scratch` removes it after a crash."""
    uploads = storage.uploads_folder()
    with tempfile.TemporaryDirectory(dir=uploads, prefix=PICTURE) as folder, lock(Path(folder)):
        yield Path(folder)


def to_jpeg(picture: Path, most_bytes: int) -> bytes:
    """Re-encode one of our own PNG or JPEG files as a JPEG of fewer than `most_bytes`, if it can be."""
    with Image.open(picture, formats=("PNG", "JPEG")) as opened:
        pixels = opened.convert("RGB")
    for quality in QUALITIES:
        buffer = io.BytesIO()
        pixels.save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() < most_bytes:
            break
    return buffer.getvalue()
